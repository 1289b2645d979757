require ["body", "date", "editheader", "encoded-character", "enotify", "environment", "ereject",
  "fcc", "fileinto", "foreverypart", "ihave", "imap4flags", "include", "index", "mime", "regex",
  "relational", "vacation", "vacation-seconds", "variables", "virustest", "copy"];

global ["project", "seen_once"];
include :personal :once :optional "common";

# ${not a variable}, a $ { and a "${hex:24 7b}" in a comment mean nothing.
if header :matches "Subject" "[*] *" {
    set :quotewildcard "project" "${1}";
    deleteheader :index 1 "Subject";
    addheader "Subject" "${2}";
    addheader :last "X-Project" "${project}";
}

if header :regex ["List-Id", "X-Mailing-List"] ["<([a-z0-9-]+)\\.lists\\.example\\.org>"] {
    set :lower "list" "${1}";
    fileinto "lists/${list}";
    return;
}

if header :contains "Subject" "${hex:c3 84}rger${unicode: 2603}" { addflag "$Snow"; }

foreverypart :name "parts" {
    if header :mime :contenttype "Content-Type" ["application/x-msdownload", "application/hta"] {
        ereject text: # no programs
This message holds a program, and those are not taken.
.
;
        break :name "parts";
    }
    if header :mime :param "filename" :matches "Content-Disposition" ["*.exe", "*.scr", "*.js"] {
        fileinto "Suspicious";
        stop;
    }
}

if allof (virustest :value "eq" "5", not environment :is "name" "test") { discard; stop; }

if date :originalzone :index 1 :last :value "lt" "Received" "iso8601" "2030-01-01T00:00:00+00:00" {
    fileinto "Late";
}

if currentdate :zone "+0100" :is "weekday" ["0", "6"] {
    vacation :seconds 43200 :handle "weekend" :fcc "Sent" "Weekend. See you on Monday.";
}

if body :content "text" :contains ["deploy now", "rollback"] {
    notify :importance "1" :message "Deployment: ${project}" "mailto:pager@example.org?subject=deploy";
}

if body :raw :contains "-----BEGIN PGP MESSAGE-----" { addflag "$Encrypted"; }

if not ihave "vnd.example.frobnicate" {
    keep;
} else {
    frobnicate :softly ["a", "b"] { twist :twice 2; }
}

if allof (ihave ["vnd.example.scan", "copy"], scan :deep "all") { sort_into "Scanned"; }
