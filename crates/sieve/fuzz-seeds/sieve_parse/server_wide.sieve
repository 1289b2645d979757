require ["fileinto", "mailbox", "variables", "subaddress", "envelope", "duplicate", "relational",
         "comparator-i;ascii-numeric", "imap4flags", "special-use", "spamtestplus"];

# Duplicates that arrive over two ways are marked and put aside.
if duplicate :handle "ways" :seconds 3600 {
    addflag "\\Seen";
    fileinto :create "Duplicates";
    stop;
}

if allof (
    envelope :detail :matches "to" "*",
    header :contains ["To", "Cc"] "@"
) {
    set :lower :upperfirst "tag" "${1}";
    if string :is "${tag}" "" {
        keep;
    } elsif mailboxexists "INBOX/${1}" {
        fileinto "INBOX/${1}";
        stop;
    } else {
        fileinto :create "INBOX/${tag}";
        stop;
    }
}

if anyof (
    spamtest :percent :value "ge" :comparator "i;ascii-numeric" "60",
    header :value "ge" :comparator "i;ascii-numeric" "X-Spam-Level-Number" "6",
    header :contains "X-Spam-Flag" "YES"
) {
    if specialuse_exists "\\Junk" {
        fileinto :specialuse "\\Junk" :create "Junk";
    } else {
        fileinto :create "Junk";
    }
    stop;
}
