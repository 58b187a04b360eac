"""Where each class of attack on bytes, records and names is tested: every rule has one place."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

PLACES = {
    "A. Names and paths": [
        "registry/test_names.py::test_a_hostile_name_is_refused_and_shown",
        "registry/test_names.py::test_any_text_is_a_reference_that_means_itself_or_is_refused",
        "registry/test_manifest.py::test_paths_that_cannot_lie_side_by_side_everywhere_are_refused",
        "registry/test_tree.py::test_a_file_whose_name_means_something_else_elsewhere_is_refused",
        "registry/test_tree.py::test_twins_in_case_are_refused",
        "registry/test_tree.py::test_twins_of_unicode_forms_are_refused",
        "registry/test_twins.py::test_a_workspace_that_differs_only_in_case_is_refused",
        "registry/test_twins.py::test_an_alias_that_differs_only_in_case_is_refused",
        "registry/test_secrets.py::test_a_folder_of_an_odd_name_is_given_with_a_slash",
        "catalog/test_assets.py::test_a_name_that_differs_only_in_case_is_refused_with_the_right_one",
    ],
    "B. Trees": [
        "registry/test_tree.py::test_what_is_no_file_or_folder_is_refused_and_named",
        "registry/test_tree.py::test_a_device_is_refused",
        "registry/test_tree.py::test_hard_links_are_files_like_any_other",
        "registry/test_tree.py::test_bits_of_setuid_and_execution_are_no_part_of_content",
        "registry/test_tree.py::test_fifty_levels_of_folders_are_content",
        "registry/test_tree.py::test_thousands_of_folders_do_not_exhaust_the_stack",
        "registry/test_tree.py::test_every_change_is_seen",
        "registry/test_register.py::test_whatever_fails_nothing_is_registered",
        "storage/test_files.py::test_what_is_no_regular_file_is_refused_at_once",
        "storage/packs/test_sources.py::test_a_file_written_to_while_it_is_read_is_refused",
        "storage/packs/test_sources.py::test_a_file_that_grows_as_fast_as_it_is_read_is_not_read_for_ever",
        "storage/packs/test_sources.py::test_memory_stays_constant_however_large_a_file_is",
    ],
    "C. Manifests and refs": [
        "registry/test_manifest.py::test_a_forged_manifest_is_refused",
        "registry/test_manifest.py::test_any_bytes_are_a_manifest_of_exactly_these_bytes_or_refused",
        "registry/test_manifest.py::test_a_wrong_digest_is_another_version",
        "storage/test_digest.py::test_messages_with_one_md5_have_two_identities",
        "storage/test_canonical.py::test_ambiguous_or_broken_json_is_refused_and_named",
        "registry/test_resolving.py::test_a_digest_means_a_version_of_its_asset_only",
    ],
    "D. Model files, as the store reads them": [
        "attacks/test_model_files.py::test_hostile_model_files_are_kept_to_the_bit_and_nothing_in_them_is_run",
        "storage/formats/test_hostile_files.py::test_a_pickle_runs_nothing_under_any_name",
        "storage/formats/test_hostile_files.py::test_changed_files_do_no_harm",
        "storage/formats/test_hostile_files.py::test_random_bytes_do_no_harm",
        "storage/formats/test_hostile_files.py::test_safetensors_headers_may_say_anything",
        "storage/formats/test_hostile_files.py::test_safetensors_that_contradict_themselves_are_ordinary_files",
        "storage/formats/test_hostile_files.py::test_archives_that_contradict_themselves_are_ordinary_files",
        "storage/formats/test_hostile_files.py::test_names_in_archives_are_never_paths",
        "storage/formats/test_hostile_files.py::test_costly_files_cost_little",
        "storage/formats/test_hostile_files.py::test_what_costs_most_takes_little_memory",
    ],
    "G. Storage adversary": [
        "registry/test_downloading.py::test_a_damaged_file_is_never_visible",
        "registry/test_downloading.py::test_a_damaged_manifest_is_never_believed",
        "registry/test_downloading.py::test_swapped_blobs_are_never_visible",
        "registry/test_downloading.py::test_nothing_of_a_damaged_pack_is_visible",
        "storage/packs/test_faults.py::test_a_planted_link_is_never_read_as_a_pack",
        "registry/test_fsck.py::test_every_flipped_bit_of_a_pack_is_found_with_the_versions_it_harms",
        "registry/test_fsck.py::test_a_pack_gone_cut_or_grown_is_found_and_mended",
        "registry/test_fsck.py::test_two_swapped_packs_are_found_and_mended",
        "registry/test_fsck.py::test_a_planted_object_is_found",
        "registry/test_fsck.py::test_a_planted_pack_that_forges_a_blob_is_found_and_taken_away",
        "registry/test_fsck.py::test_an_edited_catalog_is_found_and_named",
        "registry/test_fsck.py::test_a_flipped_bit_in_a_database_is_found_or_harms_nothing",
        "storage/packs/test_faults.py::test_strangers_in_the_folder_are_no_blobs",
        "attacks/test_storage_adversary.py::test_whatever_is_done_to_the_index_nothing_is_lost",
        "attacks/test_storage_adversary.py::test_a_planted_version_is_not_believed",
        "catalog/test_history.py::test_written_history_cannot_be_changed",
        "catalog/test_history.py::test_an_edited_entry_is_found_and_named",
        "catalog/test_history.py::test_an_entry_removed_or_put_in_is_found",
        "catalog/test_tamper.py::test_no_table_of_history_is_emptied_at_once",
        "catalog/test_tamper.py::test_no_row_of_history_is_replaced_by_another",
        "catalog/test_tamper.py::test_a_log_whose_end_was_cut_off_is_known_by_the_head_that_was_kept",
        "registry/test_audit_against_catalog.py::test_what_was_edited_beside_the_log_is_found_and_named",
        "registry/test_two_folders.py::test_a_catalog_belongs_to_the_folder_that_made_it_from_the_start",
        "registry/test_location.py::test_the_blobs_of_another_registry_are_missing_blobs",
        "attacks/test_storage_adversary.py::test_what_is_named_by_digest_is_right_or_refused_whatever_was_done",
    ],
    "H. Crashes and concurrency": [
        "storage/packs/test_faults.py::test_a_writer_killed_at_any_line_leaves_the_whole_blob_or_nothing",
        "storage/packs/test_kills.py::test_writers_and_collectors_killed_at_any_time_lose_nothing_that_was_acknowledged",
        "storage/packs/test_system_calls.py::test_killed_before_any_change_nothing_acknowledged_is_lost_and_a_repeat_ends_clean",
        "storage/packs/test_system_calls.py::test_any_call_that_fails_ends_in_a_clear_error_or_does_not_matter",
        "storage/packs/test_write_order.py::test_the_bytes_are_durable_before_they_have_a_name_and_the_name_before_it_is_indexed",
        "registry/test_system_calls.py::test_killed_before_any_change_a_registration_has_happened_wholly_or_not_at_all",
        "registry/test_system_calls.py::test_any_call_that_fails_ends_in_a_clear_error_and_leaves_nothing_half_done",
        "registry/test_kills.py::test_writers_and_collectors_killed_at_any_time_leave_a_registry_that_is_whole",
        "registry/test_gc.py::test_registrations_beside_collections_lose_nothing",
        "registry/test_gc.py::test_a_killed_collection_loses_nothing",
        "storage/packs/test_faults.py::test_whichever_call_fails_the_store_holds_the_whole_blob_or_nothing",
        "storage/packs/test_faults.py::test_a_full_disk_is_told_nothing_is_stored_and_free_space_helps",
        "storage/packs/test_crashes.py::test_no_descriptor_to_be_had_is_a_clear_error_and_passes",
        "registry/test_location.py::test_a_creation_that_was_killed_anywhere_is_carried_on",
        "registry/test_two_folders.py::test_a_creation_on_postgresql_that_was_killed_anywhere_is_carried_on",
        "registry/test_retries.py::test_an_alias_that_moved_on_is_not_moved_back_and_the_caller_is_told_why",
        "registry/test_forks.py::test_processes_that_share_a_registry_by_fork_get_their_own_answers",
        "catalog/test_unwritable.py::test_a_full_disk_is_read_and_a_write_to_it_is_out_of_space",
        "catalog/test_unwritable.py::test_a_read_only_disk_is_read",
        "registry/test_register.py::test_a_registration_killed_anywhere_is_whole_or_not_there",
        "registry/test_register.py::test_a_disk_that_fails_registers_nothing",
        "registry/test_register.py::test_a_hundred_registrations_of_one_file_at_once_store_it_once",
        "registry/test_downloading.py::test_a_download_killed_anywhere_leaves_the_whole_target_or_none",
        "registry/test_aliasing.py::test_of_processes_that_move_an_alias_from_one_place_one_wins",
        "registry/test_finding.py::test_a_clock_that_jumps_back_breaks_nothing",
        "attacks/test_killed_writers.py::test_writers_killed_at_any_moment_leave_a_registry_that_is_whole",
        "attacks/test_storage_adversary.py::test_a_disk_that_became_read_only_is_told_and_nothing_breaks",
    ],
    "I. Secrets": [
        "registry/test_location.py::test_an_address_that_is_none_is_refused_without_its_password",
        "registry/test_secrets.py::test_what_may_hold_a_secret_is_refused_and_not_shown",
        "registry/test_location.py::test_a_stopped_server_is_told_without_the_password",
        "registry/test_location.py::test_a_registry_shows_no_password",
    ],
}


@pytest.mark.parametrize("place", [place for places in PLACES.values() for place in places])
def test_the_test_of_an_attack_exists(place):
    path, name = place.split("::")
    functions = [
        node.name for node in ast.walk(ast.parse((TESTS / path).read_text())) if isinstance(node, ast.FunctionDef)
    ]
    assert name in functions
