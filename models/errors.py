"""Every error Skyfix raises on purpose.

    SkyfixError
    |- UsageError                  a command or setting was used wrongly
    |  |- ParameterError           a request parameter is out of its range
    |- PlanImpossible              no index can be had for the room or the error that was asked for
    |- JobStopped                  a job that was asked to stop, and can be resumed
    |- EnvironmentConflict         packages that must not be installed together
    |- OutputError                 a folder that cannot be written to
    |  |- OutputBusy, OutputUnfinished, OutputUnwritable
    |     |- DiskFull             there is, or would be, no room left on it
    |- ImageError                  an uploaded photo or a tile that cannot be used
    |  |- ImageEmpty, ImageTypeUnsupported, ImageUndecodable, ImageTooManyPixels,
    |     ImageBadDimensions, ImageTooSmall, ImageTooComplex, ImageAnimated
    |- EncoderError                a network that cannot run or gives nonsense
    |  |- ProviderUnavailable, EncoderUnavailable, EncoderNonFinite, AttentionInvalid
    |- BundleError                 a model or index bundle that is not to be trusted
    |  |- BundleMissing, ManifestInvalid, UnsupportedVersion, FileMissing, FileUnexpected,
    |     ChecksumMismatch, ModelUnreadable, SignatureMismatch, TableInvalid, IndexMismatch,
    |     ModelMismatch, ProbeFailed
    |- BackendUnavailable          a vector database that does not answer, or not sensibly
    |  |- BackendRefused
    |- ExecutorUnavailable         nobody to do a job's work: no cluster, or its workers are lost
    |  |- WorkerRefused
    |- CheckpointError             foreign weights that cannot be taken over
    |  |- CheckpointUnsafe, CheckpointUnreadable, CheckpointMismatch
    |- DatasetError                a data set on disk that is not laid out as it should be
    |- GeometryInvalid             a homography, camera or rotation that leaves a pose open
    |- SourceError                 imagery that cannot be indexed
       |- GeoreferenceInvalid, ImageryTooCoarse, RowInvalid, PathUnsafe, TileUnreadable, TileIdInvalid, TileBlank,
          TileDuplicate, NoTiles, TooManyBadTiles, SourceChanged, SourceUnavailable

`code` is a stable word for machines: it is what the service puts into `problem+json` and what the quarantine
list of an index job holds. Messages say what was found, what was expected and what to do.
"""

from __future__ import annotations

from typing import ClassVar


class SkyfixError(Exception):
    """Base of every deliberate error; `str(error)` is fit for the person who caused it."""

    code: ClassVar[str] = "error"


class UsageError(SkyfixError):
    code = "usage"


class ParameterError(UsageError):
    """A parameter out of range; `pointer` names it as the request spelled it, for example ``prior.lat``."""

    code = "invalid_parameter"

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(f"{pointer}: {message}")
        self.pointer = pointer
        self.detail = message


class PlanImpossible(SkyfixError):
    code = "plan_impossible"


class JobStopped(SkyfixError):
    code = "stopped"


class EnvironmentConflict(SkyfixError):
    code = "environment_conflict"


class OutputError(SkyfixError):
    code = "output"


class OutputBusy(OutputError):
    code = "output_busy"


class OutputUnfinished(OutputError):
    """A folder that holds the unfinished work of another job."""

    code = "output_unfinished"


class OutputUnwritable(OutputError):
    code = "output_unwritable"


class DiskFull(OutputUnwritable):
    code = "disk_full"


class ImageError(SkyfixError):
    code = "image"


class ImageEmpty(ImageError):
    code = "image_empty"


class ImageTypeUnsupported(ImageError):
    code = "image_type_unsupported"


class ImageUndecodable(ImageError):
    code = "image_undecodable"


class ImageTooManyPixels(ImageError):
    code = "image_too_many_pixels"


class ImageBadDimensions(ImageError):
    code = "image_bad_dimensions"


class ImageTooSmall(ImageError):
    code = "image_too_small"


class ImageTooComplex(ImageError):
    code = "image_too_complex"


class ImageAnimated(ImageError):
    code = "image_animated"


class EncoderError(SkyfixError):
    code = "encoder"


class ProviderUnavailable(EncoderError):
    code = "provider_unavailable"


class EncoderUnavailable(EncoderError):
    """A run of the network failed: no memory left on its device, or the device is gone."""

    code = "encoder_unavailable"


class EncoderNonFinite(EncoderError):
    code = "encoder_non_finite"


class AttentionInvalid(EncoderError):
    """Attention-guided cropping without a map, or with one that tells nothing: constant or not finite."""

    code = "attention_invalid"


class BundleError(SkyfixError):
    code = "bundle"


class BundleMissing(BundleError):
    code = "bundle_missing"


class ManifestInvalid(BundleError):
    code = "manifest_invalid"


class UnsupportedVersion(BundleError):
    code = "unsupported_version"


class FileMissing(BundleError):
    code = "file_missing"


class FileUnexpected(BundleError):
    code = "file_unexpected"


class ChecksumMismatch(BundleError):
    code = "checksum_mismatch"


class ModelUnreadable(BundleError):
    code = "model_unreadable"


class SignatureMismatch(BundleError):
    code = "signature_mismatch"


class TableInvalid(BundleError):
    code = "table_invalid"


class IndexMismatch(BundleError):
    code = "index_mismatch"


class ModelMismatch(BundleError):
    code = "model_mismatch"


class ProbeFailed(BundleError):
    code = "golden_failed"


class BackendUnavailable(SkyfixError):
    code = "backend_unavailable"


class BackendRefused(BackendUnavailable):
    """It answered that it will not."""

    code = "backend_refused"


class ExecutorUnavailable(SkyfixError):
    code = "executor_unavailable"


class WorkerRefused(ExecutorUnavailable):
    """A worker that has another model or version than the process it works for."""

    code = "worker_refused"


class CheckpointError(SkyfixError):
    code = "checkpoint"


class CheckpointUnsafe(CheckpointError):
    """The file asks for more than tensors and plain values; nothing of it was run."""

    code = "checkpoint_unsafe"


class CheckpointUnreadable(CheckpointError):
    code = "checkpoint_unreadable"


class CheckpointMismatch(CheckpointError):
    """Names or shapes are not those of the network that was asked for."""

    code = "checkpoint_mismatch"


class DatasetError(SkyfixError):
    code = "dataset"


class GeometryInvalid(SkyfixError):
    code = "geometry_invalid"


class SourceError(SkyfixError):
    code = "source"


class GeoreferenceInvalid(SourceError):
    code = "georef_invalid"


class ImageryTooCoarse(SourceError):
    code = "imagery_too_coarse"


class RowInvalid(SourceError):
    """A row of a tile list that cannot be understood."""

    code = "row_invalid"


class PathUnsafe(SourceError):
    """A path that leads out of its folder, or to something that is not a file."""

    code = "path_unsafe"


class TileUnreadable(SourceError):
    code = "io_error"


class TileIdInvalid(SourceError):
    """A tile of a web map whose z, x or y cannot be."""

    code = "tile_id_invalid"


class TileBlank(SourceError):
    code = "tile_blank"


class TileDuplicate(SourceError):
    code = "duplicate_conflict"


class NoTiles(SourceError):
    code = "no_tiles"


class TooManyBadTiles(SourceError):
    code = "too_many_bad_tiles"


class SourceChanged(SourceError):
    """Imagery is not what it was when a job on it began."""

    code = "source_changed"


class SourceUnavailable(SourceError):
    """Tile after tile cannot be read: the disk or the network under them is gone."""

    code = "source_unavailable"
