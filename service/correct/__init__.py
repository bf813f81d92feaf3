"""POST /correct: noisy fixes of any devices and photos in, corrected fixes out, one for one."""
