//! The SMTP door: receive (25) and submission (465, 587)
