"""What holds of the memory on SQLite holds on Redis, too: the same tests, with Redis in place of the file.

Tests in which time passes are not among them: Redis has a clock of its own, and counts in milliseconds.
"""

from tests.state.test_billed import test_what_was_noted_last_of_work_is_known_in_every_process
from tests.state.test_callers import (
    ann,
    bo,
    test_a_caller_may_be_allowed_none,
    test_a_claim_tells_who_made_the_call,
    test_a_preview_is_found_by_whom_it_was_shown_to_alone,
    test_a_process_remembers_the_changes_of_those_callers_who_changed_something_last,
    test_sessions_of_one_process_claim_a_call_from_each_other,
    test_the_accounts_limit_counts_what_all_callers_sent,
    test_the_single_owner_has_no_name,
)
from tests.state.test_claims import (
    pytestmark,
    test_a_call_that_had_no_effect_can_be_made,
    test_a_call_under_way_is_busy_for_others,
    test_a_window_of_zero_remembers_no_success,
    test_deleting_the_record_forgets_the_call_that_made_it,
    test_nothing_is_known_of_a_call_that_was_never_made,
    test_only_one_of_two_processes_that_found_nothing_claims_the_call,
)

__all__ = [
    "ann",
    "bo",
    "pytestmark",
    "test_a_call_that_had_no_effect_can_be_made",
    "test_a_call_under_way_is_busy_for_others",
    "test_a_caller_may_be_allowed_none",
    "test_a_claim_tells_who_made_the_call",
    "test_a_preview_is_found_by_whom_it_was_shown_to_alone",
    "test_a_process_remembers_the_changes_of_those_callers_who_changed_something_last",
    "test_a_window_of_zero_remembers_no_success",
    "test_deleting_the_record_forgets_the_call_that_made_it",
    "test_nothing_is_known_of_a_call_that_was_never_made",
    "test_only_one_of_two_processes_that_found_nothing_claims_the_call",
    "test_sessions_of_one_process_claim_a_call_from_each_other",
    "test_the_accounts_limit_counts_what_all_callers_sent",
    "test_the_single_owner_has_no_name",
    "test_what_was_noted_last_of_work_is_known_in_every_process",
]
