"""*Persetujuan Pengiriman Data*: what the head agrees to, word for word. The approval signs its hash."""

CONSENT_VERSION = 1
"""Grows when the text changes; old texts are kept so that old approvals can be checked."""

CONSENT = (
    "Saya, Kepala Sekolah atau Pelaksana Tugas Kepala Sekolah, menyatakan bahwa data pokok pendidikan yang dikirim dalam "
    "berkas ini benar, dan menyetujui pengirimannya ke server Dapodik."
)
"""Consent text of version 1. It is signed, so it is never translated."""
