"""What the report on a project's profit takes: the project, and what an hour of its people costs."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import ProjectId
from tool_schemas.base.models import Arguments
from tool_schemas.base.types import AsJsonText, NotABool, Number

_STAFF_ID = re.compile(r"[1-9][0-9]{0,14}")


def _by_staff_id(given: Any) -> Any:
    if isinstance(given, dict) and not all(_STAFF_ID.fullmatch(str(key)) for key in given):
        raise PydanticCustomError(
            "cost_rates", "takes the ids of staff with their cost per hour, like {like}", {"like": '{"12": 45.5}'}
        )
    return given


CostRate = Annotated[Number, Field(ge=0), NotABool]
CostRates = Annotated[dict[int, CostRate], BeforeValidator(_by_staff_id), AsJsonText]


class ProfitabilityReport(Arguments):
    project_id: ProjectId = Field(exclude=True)
    cost_rates: CostRates | None = Field(None, description='Cost per hour by staff id, like {"12": 45.5}.')
    default_cost_rate: CostRate | None = Field(None, description="Cost per hour of staff not in cost_rates.")
