//! The POP3 door (110, 995)
