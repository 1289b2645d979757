//! What the server can do: sign in, admit a change, accept a message, mailbox work, trace
