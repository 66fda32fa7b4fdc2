"""What the operations of the completions API take and answer with, under the documentation's names.

Every answer knows its HTTP ``status_code`` and the ``raw_response``; what it brought stands in the field that
the documentation names (``.completion``, ``.any``, ``.object``, ``.task``, ``.tasks``, ``.feedback``).
"""

from __future__ import annotations

from log10_trace.models.completion_operations import (
    BatchResponse,
    BatchResult,
    CreateResponse,
    DeleteManyResponse,
    DeleteResponse,
    GetCompletionResponse,
    Group,
    Limits,
    LimitsResponse,
    ListUngradedResponse,
    ListUngradedResponseBody,
    LookUpResponse,
    Statistics,
    StatisticsResponse,
    UpdateResponse,
)
from log10_trace.models.feedback import JSONValues
from log10_trace.models.feedback_operations import (
    CreateFeedbackTaskResponse,
    GetFeedbackTaskResponse,
    GetResponse,
    ListFeedbackTasksResponse,
    ListRequestBody,
    ListResponse,
    ListResponseBody,
    One,
    Two,
    UploadResponse,
)
from log10_trace.models.key_operations import GetKeyResponse, Key
from log10_trace.models.login_operations import CreateLoginCodeResponse, LoginCode
from log10_trace.models.prices import (
    LargeInputPrices,
    ModelPrices,
    PricesResponse,
    PriceTable,
    TierPrices,
    TokenPrices,
)
from log10_trace.models.response import (
    HTTPMetadata,
    Response,
)
from log10_trace.models.session_operations import (
    CreateSessionResponse,
    CreateSessionResponseBody,
    GetSessionResponse,
    GetSourceResponse,
    ListSourcesResponse,
)

RequestBodyJSONValues = JSONValues

__all__ = [
    "BatchResponse",
    "BatchResult",
    "CreateFeedbackTaskResponse",
    "CreateLoginCodeResponse",
    "CreateResponse",
    "CreateSessionResponse",
    "CreateSessionResponseBody",
    "DeleteManyResponse",
    "DeleteResponse",
    "GetCompletionResponse",
    "GetFeedbackTaskResponse",
    "GetKeyResponse",
    "GetResponse",
    "GetSessionResponse",
    "GetSourceResponse",
    "Group",
    "HTTPMetadata",
    "JSONValues",
    "Key",
    "LargeInputPrices",
    "Limits",
    "LimitsResponse",
    "ListFeedbackTasksResponse",
    "ListRequestBody",
    "ListResponse",
    "ListResponseBody",
    "ListSourcesResponse",
    "ListUngradedResponse",
    "ListUngradedResponseBody",
    "LoginCode",
    "LookUpResponse",
    "ModelPrices",
    "One",
    "PriceTable",
    "PricesResponse",
    "RequestBodyJSONValues",
    "Response",
    "Statistics",
    "StatisticsResponse",
    "TierPrices",
    "TokenPrices",
    "Two",
    "UpdateResponse",
    "UploadResponse",
]
