"""Every code that a client may meet, with its status, the routes that say it, and one answer that says it.

docs/api.md and the OpenAPI document are held to this table, and this table to the errors. Statuses of 500 and above may
carry further codes: what broke is the operator's business, and the log has it under the request id.
"""

from __future__ import annotations

from dataclasses import dataclass

LOCALIZE, INFO, LIVEZ, READYZ, DOCUMENT = "/localize", "/info", "/livez", "/readyz", "/openapi.json"
CORRECT, COVERAGE, TRACK = "/correct", "/coverage", "/track"
SET, BATCH = "/localize/set", "/localize/batch"
PHOTOS = (LOCALIZE, SET, TRACK)
BODIES = (*PHOTOS, BATCH, CORRECT)
"""What takes a body; in BATCH a photo at fault is a result, in CORRECT a notice."""
ASKED = (*BODIES, COVERAGE)
"""What takes parameters."""
GUARDED = (*ASKED, INFO, DOCUMENT)
NEEDS_INDEX = (*ASKED, INFO, READYZ)
ALL = (*ASKED, INFO, LIVEZ, READYZ, DOCUMENT)


@dataclass(frozen=True, slots=True)
class Entry:
    """One code."""

    code: str
    status: int
    routes: tuple[str, ...]
    """Empty for what belongs to no route."""
    meaning: str
    detail: str
    """As it was said once."""
    pointer: str | None = None
    """What is wrong, for those that come with `errors`; empty for the whole request."""


CATALOGUE: tuple[Entry, ...] = (
    Entry(
        "bad_request",
        400,
        ALL,
        "no HTTP/1.1 that is understood here",
        "The request target has to be a path: this is no proxy.",
    ),
    Entry(
        "host_not_allowed",
        400,
        ALL,
        "the Host header is missing, given twice, or not one that the operator lists",
        "This service does not answer to that Host. Its operator lists hosts in SKYFIX_ALLOWED_HOSTS.",
    ),
    Entry(
        "malformed_multipart",
        400,
        BODIES,
        "the form is broken or has no end",
        "The multipart body ends before its closing boundary.",
    ),
    Entry(
        "malformed_json",
        400,
        BODIES,
        "no JSON, or no object",
        "The JSON cannot be read: it has to be one UTF-8 object without NaN.",
    ),
    Entry(
        "malformed_track",
        400,
        (CORRECT,),
        "no GPX or GeoJSON that can be read",
        "The GPX cannot be read: it has to be whole XML with the root gpx and no DOCTYPE.",
    ),
    Entry(
        "too_many_parts",
        400,
        BODIES,
        "more than one image or 16 fields, or a field of more than 4 KiB",
        "The form has too many parts: at most one image and 16 fields are accepted.",
    ),
    Entry(
        "unauthorized",
        401,
        GUARDED,
        "no key, a wrong, revoked or expired one, or two",
        "A key is needed: Authorization: Bearer KEY, or X-API-Key: KEY.",
    ),
    Entry(
        "forbidden",
        403,
        GUARDED,
        "the key is good, but not for this",
        "The key is good, but not for this: it lacks the scope localize.",
    ),
    Entry(
        "unknown_index",
        404,
        ASKED,
        "no index of that name is served",
        "No index of this name is served here; GET /info names those that are.",
    ),
    Entry("not_found", 404, (), "no such path", "Not Found"),
    Entry(
        "method_not_allowed", 405, (), "the path does not take this method; `Allow` names those", "Method Not Allowed"
    ),
    Entry(
        "body_timeout",
        408,
        BODIES,
        "the body came too slowly",
        "The body did not arrive within 30 s, nor, after 5 s, at 16 KiB a second.",
    ),
    Entry(
        "body_too_large",
        413,
        BODIES,
        "the body has more bytes than `limits.body_bytes` of /info",
        "The body has more than 8388608 bytes. Scale the photo down or compress it more.",
    ),
    Entry("uri_too_long", 414, ALL, "the URL has more than 8 KiB", "The URL has more than 8192 bytes."),
    Entry(
        "image_type_unsupported",
        415,
        PHOTOS,
        "the content is no image of a type that is taken",
        "The content is not a JPEG, PNG or WebP image. Convert it to one of these.",
    ),
    Entry(
        "unsupported_media_type",
        415,
        BODIES,
        "the Content-Type is none of those listed",
        "The content type is not one of multipart/form-data, application/json, image/jpeg, image/png, image/webp, "
        "image/heic.",
    ),
    Entry(
        "encoding_unsupported",
        415,
        BODIES,
        "the body is compressed (Content-Encoding)",
        "Compressed bodies are not accepted. Send the file as it is.",
    ),
    Entry(
        "invalid_parameter",
        422,
        ASKED,
        "a value is of the wrong kind, out of range, or lacks another one; `errors` names each",
        "has to be greater than or equal to 1.",
        "top_k",
    ),
    Entry(
        "unknown_parameter",
        422,
        ASKED,
        "no field of this name; or query parameters beside a form or JSON",
        "A field is unknown. Did you mean fov_deg?",
        "camera",
    ),
    Entry(
        "duplicate_field",
        422,
        ASKED,
        "a field was sent twice, or both as JSON and flat",
        "is given more than once.",
        "top_k",
    ),
    Entry(
        "track_token_invalid",
        422,
        (TRACK,),
        "the token is damaged, forged, expired, or of another index, model or generation: begin the track anew",
        "is no token of this service. Begin the track anew, without one.",
        "track_token",
    ),
    Entry(
        "missing_image", 422, (*PHOTOS, BATCH), "no image was sent", "is needed: the photo's file in base64.", "image"
    ),
    Entry(
        "image_empty", 422, PHOTOS, "the image has no bytes", "The image is empty (0 bytes). Send the file's content."
    ),
    Entry(
        "image_undecodable",
        422,
        PHOTOS,
        "the image is damaged or cut off",
        "The JPEG image is damaged or incomplete. Send the original file.",
    ),
    Entry(
        "image_too_many_pixels",
        422,
        PHOTOS,
        "more than `limits.image_pixels` of /info",
        "The image is 8000 x 6000 pixels; at most 24 megapixels are accepted. Scale it down.",
    ),
    Entry(
        "image_bad_dimensions",
        422,
        PHOTOS,
        "a side is too long, or the sides are too unequal",
        "The image is 4000 x 100 pixels; a side has at most 12000 and the sides a ratio of at most 20. "
        "Crop or scale it.",
    ),
    Entry(
        "image_too_small",
        422,
        PHOTOS,
        "a side is shorter than `limits.image_min_side_px` of /info",
        "The image is 8 x 8 pixels; each side needs 32.",
    ),
    Entry(
        "image_too_complex",
        422,
        PHOTOS,
        "a progressive JPEG of too many scans",
        "The JPEG has more than 100 scans. Save it again as a baseline JPEG.",
    ),
    Entry("image_animated", 422, PHOTOS, "more than one frame", "The WEBP is animated. Send one still picture."),
    Entry(
        "rate_limited",
        429,
        GUARDED,
        "you are over the limits of your key, or sent too many wrong ones",
        "This key is over its limit of 10 requests a second in bursts of 20. Try again in 1 s.",
    ),
    Entry(
        "overloaded",
        429,
        ALL,
        "the service is full",
        "All 32 places are taken. Try again in a moment.",
    ),
    Entry(
        "header_too_large",
        431,
        ALL,
        "the head of the request is larger than 32 KiB or has more than 100 headers",
        "The request has more than 100 headers.",
    ),
    Entry(
        "internal",
        500,
        ALL,
        "a fault of the service",
        "Something went wrong here; the log has more under the request id.",
    ),
    Entry(
        "encoder_non_finite",
        500,
        PHOTOS,
        "the network gave no numbers for this photo",
        "Something went wrong here; the log has more under the request id.",
    ),
    Entry(
        "not_ready",
        503,
        NEEDS_INDEX,
        "model and index are being loaded, or the index fails its probes",
        "Not ready: the model and the index are being loaded.",
    ),
    Entry("draining", 503, (READYZ,), "the service is about to stop", "Not ready: the service is about to stop."),
    Entry(
        "bundle",
        503,
        BODIES,
        "a part of the index cannot be opened, and the like",
        "Something went wrong here; the log has more under the request id.",
    ),
    Entry(
        "encoder_unavailable",
        503,
        PHOTOS,
        "the network could not be run: its device is full or gone",
        "Something went wrong here; the log has more under the request id.",
    ),
    Entry(
        "deadline_exceeded",
        504,
        BODIES,
        "the time that X-Request-Timeout-Ms or the service allows ran out",
        "The time that X-Request-Timeout-Ms or the service allows ran out; work was not begun.",
    ),
)


def said_by(route: str) -> dict[int, list[Entry]]:
    """Give what a route may say, by status, in ascending order."""
    found: dict[int, list[Entry]] = {}
    for entry in sorted(CATALOGUE, key=lambda entry: entry.status):
        if route in entry.routes:
            found.setdefault(entry.status, []).append(entry)
    return found
