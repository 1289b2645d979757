//! The IMAP door (143, 993)
