require ["fileinto", "imap4flags", "copy", "relational", "subaddress", "mailbox"];

# ---------------------------------------------------------------------------
# Ten years of filters. New ones go to the END, or they never match. -- Dora
# ---------------------------------------------------------------------------

# rail (2021)
if header :contains "List-Id" "<rail-1.lists.example.org>" {
    fileinto "Listen/Rail";
    stop;
}

if anyof (address :is "from" "ann2@example.org",
          address :is "from" "ann.2@example.net") {
    addflag "\\Flagged";
    keep;
}
/* seeds: parcels
   changed by bob */
if allof (address :domain :contains "from" "seeds3.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[gardening 4]*" { fileinto :create "Projects/gardening/4"; stop; }
if address :detail "to" "lamps5"
{
	if size :over 5K {
		fileinto :copy "Big";
	}
	fileinto "lamps"; # was "Shop"
}
elsif address :detail "to" ["lamps", "gardening"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "6" { discard; }
if header :count "ge" "Received" "10" { addflag ["$Far7", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "jo-8@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "jo@example.org", not address :is ["to","cc"] [ "jo+kernel@example.org"
    , "\"jo books\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# bread (2020)
if header :contains "List-Id" "<bread-10.lists.example.org>" {
    fileinto "Listen/Bread";
    stop;
}

if anyof (address :is "from" "dora11@example.org",
          address :is "from" "dora.11@example.net") {
    addflag "\\Flagged";
    keep;
}
/* tools: orders
   changed by carla */
if allof (address :domain :contains "from" "tools12.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[sailing 13]*" { fileinto :create "Projects/sailing/13"; stop; }
if address :detail "to" "tea14"
{
	if size :over 14K {
		fileinto :copy "Big";
	}
	fileinto "tea"; # was "Shop"
}
elsif address :detail "to" ["tea", "bread"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "15" { discard; }
if header :count "ge" "Received" "12" { addflag ["$Far16", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "ann-17@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "ida@example.org", not address :is ["to","cc"] [ "ida+bikes@example.org"
    , "\"ida lamps\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# rail (2029)
if header :contains "List-Id" "<rail-19.lists.example.org>" {
    fileinto "Listen/Rail";
    stop;
}

if anyof (address :is "from" "emil20@example.org",
          address :is "from" "emil.20@example.net") {
    addflag "\\Flagged";
    keep;
}
/* shoes: parcels
   changed by dora */
if allof (address :domain :contains "from" "shoes21.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[quilt 22]*" { fileinto :create "Projects/quilt/22"; stop; }
if address :detail "to" "tools23"
{
	if size :over 23K {
		fileinto :copy "Big";
	}
	fileinto "tools"; # was "Shop"
}
elsif address :detail "to" ["tools", "rail"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "24" { discard; }
if header :count "ge" "Received" "14" { addflag ["$Far25", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "carla-26@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "ann@example.org", not address :is ["to","cc"] [ "ann+maps@example.org"
    , "\"ann shoes\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# chess (2028)
if header :contains "List-Id" "<chess-28.lists.example.org>" {
    fileinto "Listen/Chess";
    stop;
}

if anyof (address :is "from" "fritz29@example.org",
          address :is "from" "fritz.29@example.net") {
    addflag "\\Flagged";
    keep;
}
/* shoes: order
   changed by hans */
if allof (address :domain :contains "from" "shoes30.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[quilt 31]*" { fileinto :create "Projects/quilt/31"; stop; }
if address :detail "to" "paper32"
{
	if size :over 32K {
		fileinto :copy "Big";
	}
	fileinto "paper"; # was "Shop"
}
elsif address :detail "to" ["paper", "gardening"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "33" { discard; }
if header :count "ge" "Received" "16" { addflag ["$Far34", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "jo-35@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "ann@example.org", not address :is ["to","cc"] [ "ann+bikes@example.org"
    , "\"ann wool\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# quilt (2027)
if header :contains "List-Id" "<quilt-37.lists.example.org>" {
    fileinto "Listen/Quilt";
    stop;
}

if anyof (address :is "from" "gita38@example.org",
          address :is "from" "gita.38@example.net") {
    addflag "\\Flagged";
    keep;
}
/* paper: orders
   changed by carla */
if allof (address :domain :contains "from" "paper39.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[chess 40]*" { fileinto :create "Projects/chess/40"; stop; }
if address :detail "to" "tools41"
{
	if size :over 41K {
		fileinto :copy "Big";
	}
	fileinto "tools"; # was "Shop"
}
elsif address :detail "to" ["tools", "maps"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "42" { discard; }
if header :count "ge" "Received" "11" { addflag ["$Far43", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "bob-44@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "dora@example.org", not address :is ["to","cc"] [ "dora+sailing@example.org"
    , "\"dora wool\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# gardening (2026)
if header :contains "List-Id" "<gardening-46.lists.example.org>" {
    fileinto "Listen/Gardening";
    stop;
}

if anyof (address :is "from" "emil47@example.org",
          address :is "from" "emil.47@example.net") {
    addflag "\\Flagged";
    keep;
}
/* seeds: parcels
   changed by gita */
if allof (address :domain :contains "from" "seeds48.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[bread 49]*" { fileinto :create "Projects/bread/49"; stop; }
if address :detail "to" "books50"
{
	if size :over 50K {
		fileinto :copy "Big";
	}
	fileinto "books"; # was "Shop"
}
elsif address :detail "to" ["books", "brücken"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "51" { discard; }
if header :count "ge" "Received" "13" { addflag ["$Far52", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "hans-53@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "dora@example.org", not address :is ["to","cc"] [ "dora+gardening@example.org"
    , "\"dora shoes\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# kernel (2025)
if header :contains "List-Id" "<kernel-55.lists.example.org>" {
    fileinto "Listen/Kernel";
    stop;
}

if anyof (address :is "from" "fritz56@example.org",
          address :is "from" "fritz.56@example.net") {
    addflag "\\Flagged";
    keep;
}
/* tea: parcels
   changed by ann */
if allof (address :domain :contains "from" "tea57.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[choir 58]*" { fileinto :create "Projects/choir/58"; stop; }
if address :detail "to" "lamps59"
{
	if size :over 59K {
		fileinto :copy "Big";
	}
	fileinto "lamps"; # was "Shop"
}
elsif address :detail "to" ["lamps", "choir"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "60" { discard; }
if header :count "ge" "Received" "15" { addflag ["$Far61", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "bob-62@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "hans@example.org", not address :is ["to","cc"] [ "hans+bikes@example.org"
    , "\"hans paper\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# quilt (2024)
if header :contains "List-Id" "<quilt-64.lists.example.org>" {
    fileinto "Listen/Quilt";
    stop;
}

if anyof (address :is "from" "fritz65@example.org",
          address :is "from" "fritz.65@example.net") {
    addflag "\\Flagged";
    keep;
}
/* books: order
   changed by carla */
if allof (address :domain :contains "from" "books66.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[chess 67]*" { fileinto :create "Projects/chess/67"; stop; }
if address :detail "to" "books68"
{
	if size :over 68K {
		fileinto :copy "Big";
	}
	fileinto "books"; # was "Shop"
}
elsif address :detail "to" ["books", "brücken"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "69" { discard; }
if header :count "ge" "Received" "10" { addflag ["$Far70", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "fritz-71@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "ida@example.org", not address :is ["to","cc"] [ "ida+chess@example.org"
    , "\"ida seeds\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# öltank (2023)
if header :contains "List-Id" "<öltank-73.lists.example.org>" {
    fileinto "Listen/Öltank";
    stop;
}

if anyof (address :is "from" "gita74@example.org",
          address :is "from" "gita.74@example.net") {
    addflag "\\Flagged";
    keep;
}
/* paper: orders
   changed by ida */
if allof (address :domain :contains "from" "paper75.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[brücken 76]*" { fileinto :create "Projects/brücken/76"; stop; }
if address :detail "to" "tools77"
{
	if size :over 77K {
		fileinto :copy "Big";
	}
	fileinto "tools"; # was "Shop"
}
elsif address :detail "to" ["tools", "quilt"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "78" { discard; }
if header :count "ge" "Received" "12" { addflag ["$Far79", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "dora-80@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "hans@example.org", not address :is ["to","cc"] [ "hans+kernel@example.org"
    , "\"hans wool\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# rail (2022)
if header :contains "List-Id" "<rail-82.lists.example.org>" {
    fileinto "Listen/Rail";
    stop;
}

if anyof (address :is "from" "jo83@example.org",
          address :is "from" "jo.83@example.net") {
    addflag "\\Flagged";
    keep;
}
/* shoes: parcels
   changed by fritz */
if allof (address :domain :contains "from" "shoes84.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[choir 85]*" { fileinto :create "Projects/choir/85"; stop; }
if address :detail "to" "lamps86"
{
	if size :over 86K {
		fileinto :copy "Big";
	}
	fileinto "lamps"; # was "Shop"
}
elsif address :detail "to" ["lamps", "bikes"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "87" { discard; }
if header :count "ge" "Received" "14" { addflag ["$Far88", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "bob-89@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "carla@example.org", not address :is ["to","cc"] [ "carla+sailing@example.org"
    , "\"carla books\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# sailing (2021)
if header :contains "List-Id" "<sailing-91.lists.example.org>" {
    fileinto "Listen/Sailing";
    stop;
}

if anyof (address :is "from" "carla92@example.org",
          address :is "from" "carla.92@example.net") {
    addflag "\\Flagged";
    keep;
}
/* tea: parcels
   changed by fritz */
if allof (address :domain :contains "from" "tea93.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[chess 94]*" { fileinto :create "Projects/chess/94"; stop; }
if address :detail "to" "tea95"
{
	if size :over 95K {
		fileinto :copy "Big";
	}
	fileinto "tea"; # was "Shop"
}
elsif address :detail "to" ["tea", "gardening"] { keep; }
else {
    # nothing
}

if not exists ["Message-ID", "Date"] { setflag "\\Seen"; fileinto "Junk"; stop; }
#if header "X" "96" { discard; }
if header :count "ge" "Received" "16" { addflag ["$Far97", "$Hops"]; }

if header :is :comparator "i;octet" "X-Loop" "ida-98@example.org" {
    discard;
    stop;
}
if allof (not address :is ["to","cc"] "fritz@example.org", not address :is ["to","cc"] [ "fritz+bread@example.org"
    , "\"fritz tools\"@example.org" ]) {
    removeflag "\\Flagged"; fileinto "Other";
}
# chess (2020)
if header :contains "List-Id" "<chess-100.lists.example.org>" {
    fileinto "Listen/Chess";
    stop;
}

if anyof (address :is "from" "fritz101@example.org",
          address :is "from" "fritz.101@example.net") {
    addflag "\\Flagged";
    keep;
}
/* lamps: parcels
   changed by jo */
if allof (address :domain :contains "from" "lamps102.test"
         ,header :contains "subject" ["order", "Bestellung", "парцел", "注文"]
         )
{ fileinto "Shops"; }

if header :matches "Subject" "*[sailing 103]*" { fileinto :create "Projects/sailing/103"; stop; }
if address :detail "to" "books104"
{
	if size :over 104K {
		fileinto :copy "Big";
	}
	fileinto "books"; # was "Shop"
}
elsif address :detail "to" ["books", "chess"] { keep; }
else {
    # nothing
}

