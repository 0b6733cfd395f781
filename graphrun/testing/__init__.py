"""For tests of what people build with graphrun: an exam for cache stores, and an image service that goes wrong."""

from graphrun.testing.answer import Answer, Asked, rate_headers
from graphrun.testing.arrivals import Arrival
from graphrun.testing.connections import CutConnection, CutUpload, Drip, Hang
from graphrun.testing.downloads import Download
from graphrun.testing.faulty import FaultyImages
from graphrun.testing.good import BadBase64, ExpiringUrl, Good, NoPictures, NotJson, TruncatedPng
from graphrun.testing.refusals import Moderated, OutOfMoney, RateLimited, Redirect, Refusal, ServerError
from graphrun.testing.replies import Reply, Stop
from graphrun.testing.stores import check_store

__all__ = [
    "Answer",
    "Arrival",
    "Asked",
    "BadBase64",
    "CutConnection",
    "CutUpload",
    "Download",
    "Drip",
    "ExpiringUrl",
    "FaultyImages",
    "Good",
    "Hang",
    "Moderated",
    "NoPictures",
    "NotJson",
    "OutOfMoney",
    "RateLimited",
    "Redirect",
    "Refusal",
    "Reply",
    "ServerError",
    "Stop",
    "TruncatedPng",
    "check_store",
    "rate_headers",
]
