"""Where each alert is provoked in the live Prometheus, and which are not, and why."""

from __future__ import annotations

LINE_OF = {
    "EdgeInspectorRestarting": "press-3",
    "EdgeInspectorCameraFlap": "press-3",
    "EdgeInspectorNotReady": "press-4",
    "EdgeInspectorUnknownParts": "press-4",
    "EdgeInspectorImageTrouble": "press-4",
    "EdgeInspectorDeadlineBurn": "press-3",
    "EdgeInspectorDeadlineBurnSlow": "press-3",
    "EdgeInspectorEvidenceDropped": "press-3",
    "EdgeInspectorJournalNotDurable": "press-3",
    "EdgeInspectorHandshakesRefused": "press-1",
    "EdgeInspectorEvidenceQuota": "press-1",
    "EdgeInspectorConsumerLag": "press-1",
    "EdgeInspectorBundleUnsigned": "press-1",
    "EdgeInspectorNotInspecting": "press-3",
    "EdgeInspectorHeartbeatAge": "press-4",
    "EdgeInspectorCameraGone": "press-4",
    "EdgeInspectorAuthenticatorDead": "press-1",
    "EdgeInspectorModelMismatch": "",
    "EdgeInspectorDrillOn": "press-4",
    "EdgeInspectorBypassOn": "press-3",
    "EdgeInspectorAllReject": "press-2",
    "EdgeInspectorRejectRateJump": "press-2",
    "EdgeInspectorGpuHot": "press-5",
    "EdgeInspectorGpuMemoryFull": "press-5",
    "EdgeInspectorGpuLost": "press-5",
    "EdgeInspectorGpuSampleStale": "press-5",
    "EdgeInspectorDown": "press-2",
}
"""Alert -> line, in the order in which they are waited for; no line: of all together."""

BY_PROMTOOL_ALONE = {
    "EdgeInspectorAllPass": "needs a day of rejects and two hours without",
    "EdgeInspectorImageDrift": "compares with a week ago",
    "EdgeInspectorDiskLow": "the disk of the tests' computer is not theirs to fill",
    "EdgeInspectorClockNotSynced": "nobody may set the clock of the tests' computer",
}
"""Alert -> why not live. `promtool test rules` shows these all the same."""
