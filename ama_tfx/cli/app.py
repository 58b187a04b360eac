"""The root of the command line: the tables of commands."""

from __future__ import annotations

import click

import ama_tfx
from ama_tfx.cli.outcomes import EXIT_CODES
from ama_tfx.cli.root import Entry, Root
from ama_tfx.cli.session import registry_options, shared_options

COMMANDS = {
    "init": Entry("ama_tfx.cli.cmd_init", "Start or go on with an asset's next version in this folder."),
    "add": Entry("ama_tfx.cli.cmd_add", "Add files and folders to the next version."),
    "add ref": Entry("ama_tfx.cli.cmd_add_ref", "Record what the next version is made from."),
    "remove": Entry("ama_tfx.cli.cmd_remove", "Take files out of the next version, or unset what was set."),
    "status": Entry("ama_tfx.cli.cmd_status", "Show what is pending, and what an upload would do."),
    "diff": Entry("ama_tfx.cli.cmd_diff", "Show what differs, file by file and line by line."),
    "set": Entry("ama_tfx.cli.cmd_set", "Set the next version's alias, message, tags, properties, metrics or kind."),
    "discard": Entry("ama_tfx.cli.cmd_discard", "Forget what is pending of the current asset."),
    "switch": Entry("ama_tfx.cli.cmd_switch", "Work on another asset, or from another version on."),
    "clone": Entry("ama_tfx.cli.cmd_clone", "Make a folder with a version's files, to make the next version from."),
    "upload": Entry("ama_tfx.cli.cmd_upload", "Register what was added as a version."),
    "download": Entry("ama_tfx.cli.cmd_download", "Write a version, or files of it, into a folder."),
    "alias set": Entry("ama_tfx.cli.cmd_alias_set", "Point an alias at a version."),
    "alias move": Entry("ama_tfx.cli.cmd_alias_move", "Move an alias that exists to another version."),
    "alias remove": Entry("ama_tfx.cli.cmd_alias_remove", "Remove an alias of an asset."),
    "alias list": Entry("ama_tfx.cli.cmd_alias_list", "List an asset's aliases, and which are protected."),
    "alias log": Entry("ama_tfx.cli.cmd_alias_log", "Show the moves of an asset's aliases."),
    "alias protect": Entry("ama_tfx.cli.cmd_alias_protect", "Protect an alias: moving it needs a reason."),
    "alias unprotect": Entry("ama_tfx.cli.cmd_alias_unprotect", "Protect an alias no more."),
    "tag": Entry("ama_tfx.cli.cmd_tag", "Tag a version, or take tags off it."),
    "metrics": Entry("ama_tfx.cli.cmd_metrics", "Record metrics of a version, or show them."),
    "describe": Entry("ama_tfx.cli.cmd_describe", "Say what an asset is, or show what was said."),
    "pin": Entry("ama_tfx.cli.cmd_pin", "Pin a version against retention, or list what is pinned."),
    "unpin": Entry("ama_tfx.cli.cmd_unpin", "Unpin a version."),
    "find": Entry("ama_tfx.cli.cmd_find", "Find the versions that hold a file of the same content."),
    "search": Entry("ama_tfx.cli.cmd_search", "Find versions by name, tag, metric, property, time, run or words."),
    "show": Entry("ama_tfx.cli.cmd_show", "Show everything known of a version."),
    "list": Entry("ama_tfx.cli.cmd_list", "List assets, or the versions of one."),
    "log": Entry("ama_tfx.cli.cmd_log", "Show an asset's history: versions and moves of aliases."),
    "compare": Entry("ama_tfx.cli.cmd_compare", "Compare versions, files of them, or folders on disk."),
    "inspect": Entry("ama_tfx.cli.cmd_inspect", "Show what files contain, without executing anything."),
    "lineage": Entry("ama_tfx.cli.cmd_lineage", "Show what a version was made from, and what was made from it."),
    "impact": Entry(
        "ama_tfx.cli.cmd_impact", "Show everything that was made from a version, and which aliases point at it."
    ),
    "runs list": Entry("ama_tfx.cli.cmd_runs_list", "List the runs in a metadata store of TFX."),
    "runs show": Entry(
        "ama_tfx.cli.cmd_runs_show",
        "Show what ran in a run: when, how long, with which parameters, cached or not, failed where and why.",
    ),
    "runs datasets": Entry("ama_tfx.cli.cmd_runs_datasets", "Show which datasets a model was made from."),
    "runs metrics": Entry("ama_tfx.cli.cmd_runs_metrics", "Show which metrics a model got, and on which dataset."),
    "runs lineage": Entry(
        "ama_tfx.cli.cmd_runs_lineage", "Show what an artifact was made from, and what was made from it."
    ),
    "runs import": Entry(
        "ama_tfx.cli.cmd_runs_import", "Take a run into the registry, so that its lineage outlives the metadata store."
    ),
    "fsck": Entry("ama_tfx.cli.cmd_fsck", "Check that everything in the registry is whole."),
    "gc": Entry("ama_tfx.cli.cmd_gc", "Remove bytes that no version needs."),
    "verify": Entry("ama_tfx.cli.cmd_verify", "Check that a version can be restored, or that a folder is one."),
    "du": Entry("ama_tfx.cli.cmd_du", "Show how large assets are, and what sharing saves."),
    "retire": Entry("ama_tfx.cli.cmd_retire", "Keep a version's record and let its files go."),
    "audit verify": Entry(
        "ama_tfx.cli.cmd_audit_verify",
        "Check that the audit log was not edited, and that the catalog is what it tells.",
    ),
    "bundle create": Entry(
        "ama_tfx.cli.cmd_bundle_create", "Write versions into one file, for a machine without a network."
    ),
    "bundle inspect": Entry("ama_tfx.cli.cmd_bundle_inspect", "Show what is in a bundle, and check it."),
    "bundle apply": Entry("ama_tfx.cli.cmd_bundle_apply", "Take the versions of a bundle into the registry."),
    "workspaces": Entry("ama_tfx.cli.cmd_workspaces", "List the registry's workspaces."),
    "fork": Entry("ama_tfx.cli.cmd_fork", "Make a version, or all of an asset, the beginning of another asset."),
    "export": Entry("ama_tfx.cli.cmd_export", "Write a version, and what went into it, as a zip."),
    "import": Entry("ama_tfx.cli.cmd_import", "Make linked assets of a model's archive."),
    "config list": Entry("ama_tfx.cli.cmd_config_list", "List the settings that count here."),
    "config get": Entry("ama_tfx.cli.cmd_config_get", "Print the value of a setting that counts here."),
    "config set": Entry("ama_tfx.cli.cmd_config_set", "Write a setting into the user's file or the project's."),
    "config unset": Entry("ama_tfx.cli.cmd_config_unset", "Take a setting out of the user's file or the project's."),
    "completion": Entry(
        "ama_tfx.cli.cmd_completion", "Print the script that lets a shell complete commands, options and names."
    ),
}
"""Name -> where it is. Strings, so that listing the commands imports none of them."""

SYNONYMS = {
    "alias add": "alias set",
    "inputs add": "add ref",
    "versions": "list",
    "info": "show",
    "history": "log",
    "rm": "remove",
}
"""Another name -> the command's own; the help and the errors of a command use its own."""

GROUPS = {
    "Working copy": (
        *("init", "add", "add ref", "remove", "status", "diff", "set", "discard", "switch", "clone"),
        *("upload", "download"),
    ),
    "Names": (
        *("alias set", "alias move", "alias remove", "alias list", "alias log", "alias protect", "alias unprotect"),
        *("tag", "metrics", "describe", "pin", "unpin"),
    ),
    "Find": ("find", "search", "show", "list", "log"),
    "Compare and trace": ("compare", "inspect", "lineage", "impact"),
    "Runs of TFX": ("runs list", "runs show", "runs datasets", "runs metrics", "runs lineage", "runs import"),
    "Upkeep": ("fsck", "verify", "gc", "du", "retire", "audit verify"),
    "Share": ("bundle create", "bundle inspect", "bundle apply", "workspaces", "fork", "export", "import"),
    "Settings": ("config list", "config get", "config set", "config unset", "completion"),
}
"""Heading -> commands, in the order of the help."""


@click.command(
    cls=Root,
    entries=COMMANDS,
    synonyms=SYNONYMS,
    groups=GROUPS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""
\b
Example:
  ama init sequence_models
  ama add model.h5 summary_dict.json
  ama set --alias my_model
  ama upload
  ama download sequence_models --alias my_model --output copy
""",
)
@click.version_option(ama_tfx.__version__, prog_name="ama", message="%(prog)s %(version)s")
@registry_options
@shared_options
@click.pass_context
def root(context: click.Context) -> None:
    """Keep models, data and configurations as versioned assets, and find them again.

    Options stand before the command or after it. The registry is the one that --registry or AMA_REGISTRY names, else
    the one of the settings ('ama config list'), else the folder 'registry' in AMA_HOME or in the user's data folder.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(EXIT_CODES["usage"])
