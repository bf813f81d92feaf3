"""Where photos are decoded: in processes of their own, which can be killed."""
