/* My filters.
 * Don't touch ** unless / you know # what you do; discard;
 */
REQUIRE ["fileinto" /* folders */, "envelope", # the envelope
	"subaddress"];

	IF Header :CONTAINS "Subject" ["viagra",   "c1alis"
		, "lottery" ] {Discard;Stop;}   # all on one line

if/**/not/**/exists/**/["From","Date"]{discard;}#no blanks
if address :user "to" "ann" { if address :detail "to" "lists" { fileinto "lists"; } elsif
 address :detail "to" "shops"
 { fileinto "shops"; } else
 { keep; } }
if envelope :all :is "from" "" { fileinto "bounces"; }
if allof(header:contains"from""boss@example.org",not header:contains"subject""lunch"){keep;stop;}
if size:over 100K{if size:under 1m{fileinto"middle";}else{fileinto"big";}}
# keep;
