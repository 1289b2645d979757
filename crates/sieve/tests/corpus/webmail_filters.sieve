require ["copy","fileinto","imap4flags","regex","reject","vacation"];
# rule:[Newsletters]
if anyof (header :contains "list-id" "news.example.org", header :contains ["from","sender"] "newsletter@example.net")
{
	fileinto "Newsletters";
	stop;
}
# rule:[invoices — Ärger & Co.]
if allof (header :contains "subject" "Rechnung", not header :contains "subject" "Erinnerung")
{
	addflag "\\Flagged";
	fileinto "Büro/Rechnungen";
}
# rule:[big mail]
if size :over 5M
{
	fileinto :copy "Big";
}
# rule:[]
if header :regex "subject" "^\\[(bug|issue) ?#[0-9]+\\]"
{
	setflag ["\\Seen","$Bugs"];
	fileinto "Bugs";
}
# rule:[off: old project]
if false # header :contains "subject" "old project"
{
	discard;
}
# rule:[Holidays]
if true
{
	vacation :days 7 :addresses ["ann@example.org","ann@example.net"] :subject "Away until Monday" "Hello,

I am away until Monday. In urgent cases write to \"bob@example.org\".

Ann";
}
