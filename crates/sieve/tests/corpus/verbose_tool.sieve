# Filter script made by a mail program.
# 2030-03-04 10:20:30
#
require "fileinto";
require "imap4flags";
require [ "reject" ,
          "vacation" ,
          "copy" ] ;

##### Whitelist #####
# PARAM-NAME = whitelist
if address :all :comparator "i;ascii-casemap" :is
    [ "From" , "Sender" , "Resent-From" ]
    [ "mum@example.org" , "dad@example.org" ]
{
    keep ;
    stop ;
}

##### Blacklist #####
if address :all :comparator "i;ascii-casemap" :is [ "From" ] "pest@example.com" {
    addflag "\\Deleted" ;
    fileinto "Trash" ;
    removeflag "\\Deleted" ;
    stop ;
}

##### Forward #####
if true {
    redirect :copy "ann@other.test" ;
    redirect "Ann at home <ann@home.test>" ;
    keep ;
}

##### Vacation #####
if not anyof ( exists "list-help" , exists "list-unsubscribe" , exists "list-subscribe" ,
               exists "list-owner" , exists "list-post" , exists "list-archive" , exists "list-id" ,
               header :comparator "i;ascii-casemap" :is "Precedence" [ "list" , "bulk" , "junk" ] ,
               header :comparator "i;ascii-casemap" :matches "To" "Multiple recipients of*" ) {
    vacation
        :days 7
        :addresses [ "ann@example.org" ]
        :subject "Out of office: re: your mail"
        "I am out of the office." ;
}
