"""Which operations of TensorFlow a SavedModel may hold, and what some of them reach."""

from __future__ import annotations

import functools
from importlib import resources

from ama_tfx.inspection.name_lists import names

PYTHON = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_FILES = frozenset(
    names(
        """
    ReadFile WriteFile MatchingFiles WholeFileReader WholeFileReaderV2 TextLineReader TextLineReaderV2
    TFRecordReader TFRecordReaderV2 FixedLengthRecordReader FixedLengthRecordReaderV2 LMDBReader IdentityReader
    TextLineDataset TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2 CSVDataset
    CSVDatasetV2 LMDBDataset MatchingFilesDataset DatasetToTFRecord SaveDataset SaveDatasetV2 LoadDataset
    DistributedSave SnapshotDataset SnapshotDatasetV2 SnapshotDatasetReader SnapshotNestedDatasetReader
    SnapshotChunkDataset ListSnapshotChunksDataset CreateSummaryFileWriter CreateSummaryDbWriter ImportEvent
    GenerateVocabRemapping LoadAndRemapMatrix InitializeTRTResource SerializeTRTResource DumpElement DebugIdentity
    DebugIdentityV2 DebugIdentityV3 DebugNanCount DebugNumericSummary DebugNumericSummaryV2
    """
    )
)
_NETWORK = frozenset(
    names(
        """
    RpcServer RpcServerStart RpcServerRegister RpcClient RpcCall RemoteCall DataServiceDataset DataServiceDatasetV2
    DataServiceDatasetV3 DataServiceDatasetV4 RegisterDataset RegisterDatasetV2 InitializeTable BigQueryReader
    SqlDataset _Send _Recv _HostSend _HostRecv
    """
    )
)
_CHECKPOINTS = frozenset(
    ["Save", "SaveV2", "SaveSlices", "Restore", "RestoreV2", "RestoreSlice", "MergeV2Checkpoints", "CheckpointExists"]
)
_OF_A_SAVER = ("save/", "__inference__traced_save", "__inference__traced_restore", "save_")


@functools.cache
def known_ops() -> frozenset[str]:
    """Return the names of the operations that TensorFlow 2.16 registers itself."""
    return frozenset(resources.files(__package__).joinpath("tensorflow_ops.txt").read_text().split())


def why_dangerous(op: str, place: str) -> str | None:
    """Return what an operation reaches; None when it only computes.

    Args:
        op: Its type.
        place: The function that it stands in, or its own name; each SavedModel has some that save and restore it.
    """
    plain = op.removeprefix("Experimental")
    if op in PYTHON:
        return "calls Python in the process that loads the model"
    if op in _FILES or plain in _FILES:
        return "reads or writes files of the machine that runs the model"
    if op in _NETWORK or plain in _NETWORK:
        return "reaches a network or a database from the machine that runs the model"
    if op in _CHECKPOINTS and not place.startswith(_OF_A_SAVER):
        return "reads or writes files of the machine that runs the model"
    if op not in known_ops():
        return "is not one of TensorFlow's own: it runs native code of a library that has to be loaded"
    return None
