/* A hundred chains and more, each with what is decided about it for every purpose */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#include "certs/path.h"
#include "helper_chain.h"
#include "helper_crl.h"
#include "helper_pki.h"

enum { NODES_MAX = 12 };

/*
 * Certificates: the first is the one in question. Verdicts: one letter for each purpose, in the
 * order signing, enciphering, TLS servers, TLS clients, XTA clients, time stamps; a single letter
 * is for all of them.
 *
 *   + good               t validity   u key usage  w strength  c chain  i issuer unknown
 *   s status not known   r revoked    f forged
 */
static struct row {
    const char *name, *verdicts;
    struct chain_node certs[NODES_MAX];
    const char *anchors;  /* their letters; NULL: "R" */
    const char *lists;    /* whose issuers publish revocation lists; NULL: none do */
    const char *revoked;  /* who is on them */
    const char *policies; /* the trust store asks for one of them; NULL: for none */
    const char *reason;   /* part of it */
    int64_t now;          /* 0: PKI_NOW */
} rows[] = {
#define CERT(who, by, ...)                                                                         \
    {                                                                                              \
        .id = (who), .issuer = (by), __VA_ARGS__                                                   \
    }
#define ROOT CERT('R', 'R', )
#define SUB CERT('S', 'R', )
#define LEAF CERT('L', 'S', )
#define CERTS(...) .certs = {__VA_ARGS__}
#define ROW(title, letters, ...)                                                                   \
    {                                                                                              \
        .name = (title), .verdicts = (letters), __VA_ARGS__                                        \
    }
#define FINE "+++++u"
    /* ---- validity ---- */
    ROW("an ordinary chain", FINE, CERTS(LEAF, SUB, ROOT)),
    ROW("issued by the root itself", FINE, CERTS(CERT('L', 'R', ), ROOT)),
    ROW("expired", "tttttu", CERTS(LEAF, SUB, ROOT), .now = PKI_2027 + 1000,
        .reason = "for enciphering: expired on 2027-01-01"),
    ROW("not yet valid", "tttttu", CERTS(LEAF, SUB, ROOT), .now = PKI_2026 - 1000,
        .reason = "not valid before"),
    ROW("sub-CA expired", "tttttu", CERTS(LEAF, CERT('S', 'R', .until = PKI_2026), ROOT),
        .reason = "issuer CN=CA S"),
    ROW("sub-CA not yet valid", "tttttu", CERTS(LEAF, CERT('S', 'R', .from = PKI_2027), ROOT),
        .reason = "issuer CN=CA S"),
    ROW("root expired", "tttttu", CERTS(LEAF, SUB, CERT('R', 'R', .until = PKI_2026)),
        .reason = "issuer CN=CA R"),
    ROW("root not yet valid", "tttttu", CERTS(LEAF, SUB, CERT('R', 'R', .from = PKI_2027))),
    ROW("outlives its issuer", FINE,
        CERTS(CERT('L', 'S', .until = PKI_2030), CERT('S', 'R', .until = PKI_2027), ROOT)),
    ROW("never ends", FINE, CERTS(CERT('L', 'S', .until = INT64_C(253402300799000)), SUB, ROOT)),
    ROW("ends before it begins", "tttttu",
        CERTS(CERT('L', 'S', .from = PKI_2027, .until = PKI_2026), SUB, ROOT)),
/* ---- key usage: 11.1 ---- */
#define USED(ku) CERT('L', 'S', .ext = "keyUsage=critical," ku "\n" CHAIN_EKU CHAIN_IDS)
    ROW("digitalSignature alone", "+u+++u", CERTS(USED("digitalSignature"), SUB, ROOT)),
    ROW("nonRepudiation alone", "+uuuuu", CERTS(USED("nonRepudiation"), SUB, ROOT)),
    ROW("keyEncipherment alone", "u++uuu", CERTS(USED("keyEncipherment"), SUB, ROOT)),
    ROW("dataEncipherment alone", "u+uuuu", CERTS(USED("dataEncipherment"), SUB, ROOT)),
    ROW("keyAgreement alone", "uu+++u", CERTS(USED("keyAgreement"), SUB, ROOT)),
    ROW("keyCertSign alone", "u", CERTS(USED("keyCertSign"), SUB, ROOT)),
    ROW("usage of no bit at all", "i", CERTS(USED("DER:03020700"), SUB, ROOT)),
    ROW("no usage extensions", FINE, CERTS(CERT('L', 'S', .ext = CHAIN_IDS), SUB, ROOT)),
#define EXTENDED(eku) CERT('L', 'S', .ext = CHAIN_KU "extendedKeyUsage=" eku "\n" CHAIN_IDS)
    ROW("serverAuth alone", "+++uuu", CERTS(EXTENDED("serverAuth"), SUB, ROOT)),
    ROW("clientAuth alone", "++u++u", CERTS(EXTENDED("clientAuth"), SUB, ROOT)),
    ROW("emailProtection alone", "++uuuu", CERTS(EXTENDED("emailProtection"), SUB, ROOT)),
    ROW("an extended usage of nobody's", "++uuuu", CERTS(EXTENDED("1.2.3.4.5"), SUB, ROOT)),
    ROW("anyExtendedKeyUsage", FINE, CERTS(EXTENDED("anyExtendedKeyUsage"), SUB, ROOT)),
#define STAMPING(ku, eku)                                                                          \
    CERT('L', 'S', .ext = "keyUsage=critical," ku "\nextendedKeyUsage=" eku "\n" CHAIN_IDS)
    ROW("a time stamper", "+uuuu+",
        CERTS(STAMPING("digitalSignature", "critical,timeStamping"), SUB, ROOT)),
    ROW("a time stamper, not critical", "+uuuuu",
        CERTS(STAMPING("digitalSignature", "timeStamping"), SUB, ROOT)),
    ROW("a time stamper and more", "+u+++u",
        CERTS(STAMPING("digitalSignature", "critical,timeStamping,serverAuth,clientAuth"), SUB,
              ROOT)),
    ROW("a time stamper that enciphers", "++uuuu",
        CERTS(STAMPING("digitalSignature,keyEncipherment", "critical,timeStamping"), SUB, ROOT)),
    ROW("below a CA of TLS servers", "+++uuu",
        CERTS(LEAF, CERT('S', 'R', .more = "extendedKeyUsage=serverAuth\n"), ROOT),
        .reason = "issuer CN=CA S"),
    ROW("below a CA of e-mail", "++uuuu",
        CERTS(LEAF, CERT('S', 'R', .more = "extendedKeyUsage=emailProtection\n"), ROOT)),
    /* ---- who may issue ---- */
    ROW("below one that is no CA", "c",
        CERTS(LEAF, CERT('S', 'R', .ext = "basicConstraints=CA:FALSE\n" CHAIN_CA_USAGE), ROOT),
        .reason = "chain is not valid"),
    ROW("below one that does not say it is a CA", "c",
        CERTS(LEAF, CERT('S', 'R', .ext = CHAIN_CA_USAGE), ROOT)),
    ROW("below one without extensions", "c", CERTS(LEAF, CERT('S', 'R', .ext = ""), ROOT)),
    ROW("below an end's certificate", "c", CERTS(LEAF, CERT('S', 'R', .ext = CHAIN_LEAF), ROOT)),
    ROW("below a CA that says so, but not critical", FINE,
        CERTS(LEAF, CERT('S', 'R', .ext = "basicConstraints=CA:TRUE\n" CHAIN_CA_USAGE), ROOT)),
    ROW("below a CA without usage", FINE,
        CERTS(LEAF, CERT('S', 'R', .ext = "basicConstraints=critical,CA:TRUE\n" CHAIN_IDS), ROOT)),
    ROW("below a CA that may sign lists only", "c",
        CERTS(LEAF,
              CERT('S', 'R',
                   .ext = "basicConstraints=critical,CA:TRUE\nkeyUsage=cRLSign\n" CHAIN_IDS),
              ROOT)),
    ROW("below a CA that may sign contents only", "c",
        CERTS(
            LEAF,
            CERT('S', 'R', .ext = "basicConstraints=critical,CA:TRUE\nkeyUsage=digitalSignature\n"),
            ROOT)),
    ROW("below a root of version 1", FINE, CERTS(CERT('L', 'R', ), CERT('R', 'R', .v1 = true))),
    ROW("below a sub-CA of version 1", "c", CERTS(LEAF, CERT('S', 'R', .v1 = true), ROOT)),
    ROW("a version 1 certificate", FINE, CERTS(CERT('L', 'S', .v1 = true), SUB, ROOT)),
    ROW("a CA that signs contents, too", FINE,
        CERTS(CERT('L', 'S', .ext = "basicConstraints=critical,CA:TRUE\n" CHAIN_KU CHAIN_IDS), SUB,
              ROOT)),
    ROW("self-signed", "i", CERTS(CERT('L', 'L', )), .anchors = ""),
    ROW("its root is not ours", "i", CERTS(LEAF, SUB, ROOT), .anchors = ""),
    ROW("its sub-CA is an anchor", FINE, CERTS(LEAF, SUB), .anchors = "S"),
    ROW("its sub-CA stayed away", "i", CERTS(LEAF, ROOT)),
/* ---- path length ---- */
#define LENGTH(n) "basicConstraints=critical,CA:TRUE,pathlen:" n "\n" CHAIN_CA_USAGE
    ROW("a sub-CA below path length 0", "c", CERTS(LEAF, SUB, CERT('R', 'R', .ext = LENGTH("0"))),
        .reason = "path length"),
    ROW("a sub-CA below path length 1", FINE, CERTS(LEAF, SUB, CERT('R', 'R', .ext = LENGTH("1")))),
    ROW("two sub-CAs below path length 1", "c",
        CERTS(LEAF, CERT('S', 'T', ), CERT('T', 'R', ), CERT('R', 'R', .ext = LENGTH("1")))),
    ROW("an end below path length 0", FINE, CERTS(LEAF, CERT('S', 'R', .ext = LENGTH("0")), ROOT)),
    ROW("a self-issued sub-CA does not count", FINE,
        CERTS(CERT('L', 'S', .issuer_key = 'U'), CERT('U', 'S', .name = 'S'),
              CERT('S', 'R', .ext = LENGTH("0")), ROOT)),
    ROW("a self-issued sub-CA, and another below", "c",
        CERTS(CERT('L', 'T', ), CERT('T', 'S', .issuer_key = 'U'), CERT('U', 'S', .name = 'S'),
              CERT('S', 'R', .ext = LENGTH("0")), ROOT)),
    ROW("path length of one that is no CA", "c",
        CERTS(
            LEAF,
            CERT('S', 'R', .ext = "basicConstraints=critical,CA:FALSE,pathlen:1\n" CHAIN_CA_USAGE),
            ROOT)),
    ROW("path length below 0", "i",
        CERTS(LEAF, CERT('S', 'R', .ext = "basicConstraints=DER:30060101FF0201FF\n" CHAIN_CA_USAGE),
              ROOT)),
    ROW("eight CAs", FINE,
        CERTS(CERT('L', 'A', ), CERT('A', 'B', ), CERT('B', 'C', ), CERT('C', 'D', ),
              CERT('D', 'E', ), CERT('E', 'F', ), CERT('F', 'G', ), CERT('G', 'R', ), ROOT)),
    ROW("ten CAs", "i",
        CERTS(CERT('L', 'A', ), CERT('A', 'B', ), CERT('B', 'C', ), CERT('C', 'D', ),
              CERT('D', 'E', ), CERT('E', 'F', ), CERT('F', 'G', ), CERT('G', 'H', ),
              CERT('H', 'I', ), CERT('I', 'R', ), ROOT)),
/* ---- name constraints ---- */
#define BOUND(text) CERT('S', 'R', .more = "nameConstraints=critical," text "\n")
#define NAMED(san) CERT('L', 'S', .ext = CHAIN_KU CHAIN_EKU "subjectAltName=" san "\n" CHAIN_IDS)
    ROW("DNS permitted", FINE, CERTS(LEAF, BOUND("permitted;DNS:ahausen.example"), ROOT)),
    ROW("DNS permitted, in capitals", FINE,
        CERTS(LEAF, BOUND("permitted;DNS:AHAUSEN.Example"), ROOT)),
    ROW("another DNS permitted", "c", CERTS(LEAF, BOUND("permitted;DNS:behausen.example"), ROOT),
        .reason = "name"),
    ROW("DNS excluded", "c", CERTS(LEAF, BOUND("excluded;DNS:ahausen.example"), ROOT)),
    ROW("another DNS excluded", FINE, CERTS(LEAF, BOUND("excluded;DNS:behausen.example"), ROOT)),
    ROW("DNS permitted, a host within excluded", "c",
        CERTS(LEAF, BOUND("permitted;DNS:ahausen.example,excluded;DNS:gw.ahausen.example"), ROOT)),
    ROW("DNS permitted, and a name like it", "c",
        CERTS(NAMED("DNS:gw.nahausen.example"), BOUND("permitted;DNS:ahausen.example"), ROOT)),
    ROW("DNS permitted, one of two names is not", "c",
        CERTS(NAMED("DNS:gw.ahausen.example,DNS:x.example"), BOUND("permitted;DNS:ahausen.example"),
              ROOT)),
    ROW("a host name that is the subject's", "c",
        CERTS(CERT('L', 'S', .cn = "gw.behausen.example", .ext = CHAIN_KU CHAIN_EKU CHAIN_IDS),
              BOUND("permitted;DNS:ahausen.example"), ROOT)),
    ROW("a subject that is no host name", FINE,
        CERTS(CERT('L', 'S', .ext = CHAIN_KU CHAIN_EKU CHAIN_IDS),
              BOUND("permitted;DNS:ahausen.example"), ROOT)),
    ROW("directory name permitted", FINE,
        CERTS(LEAF, BOUND("permitted;dirName:dn\n[dn]\nC=DE\nO=Stadt Ahausen"), ROOT)),
    ROW("another directory name permitted", "c",
        CERTS(LEAF, BOUND("permitted;dirName:dn\n[dn]\nC=DE\nO=Stadt Behausen"), ROOT)),
    ROW("directory name excluded", "c",
        CERTS(LEAF, BOUND("excluded;dirName:dn\n[dn]\nC=DE\nO=Stadt Ahausen"), ROOT)),
    ROW("e-mail permitted", FINE,
        CERTS(NAMED("email:a@ahausen.example"), BOUND("permitted;email:ahausen.example"), ROOT)),
    ROW("another e-mail permitted", "c",
        CERTS(NAMED("email:a@x.example"), BOUND("permitted;email:ahausen.example"), ROOT)),
    ROW("address permitted", FINE,
        CERTS(NAMED("IP:10.1.2.3"), BOUND("permitted;IP:10.0.0.0/255.0.0.0"), ROOT)),
    ROW("another address permitted", "c",
        CERTS(NAMED("IP:192.168.1.1"), BOUND("permitted;IP:10.0.0.0/255.0.0.0"), ROOT)),
    ROW("another URI permitted", "c",
        CERTS(NAMED("URI:http://gw.x.example/"), BOUND("permitted;URI:.ahausen.example"), ROOT)),
    ROW("a constraint of a kind nobody knows", "c",
        CERTS(NAMED("RID:1.2.3.4"), BOUND("permitted;RID:1.2.3.4"), ROOT)),
    ROW("a sub-CA permits what its own CA does not", "c",
        CERTS(LEAF,
              CERT('S', 'T', .more = "nameConstraints=critical,permitted;DNS:ahausen.example"),
              CERT('T', 'R', .more = "nameConstraints=critical,permitted;DNS:x.example"), ROOT)),
    ROW("the root's own constraint", "c",
        CERTS(LEAF, SUB,
              CERT('R', 'R', .more = "nameConstraints=critical,permitted;DNS:x.example"))),
    ROW("constraints that cannot be read", "i",
        CERTS(LEAF, CERT('S', 'R', .more = "nameConstraints=critical,DER:0500"), ROOT)),
/* ---- policies: those of the domain are 1.2.3.x ---- */
#define POLICY(p) "certificatePolicies=" p "\n"
#define DEMANDS "policyConstraints=critical,requireExplicitPolicy:0\n"
    ROW("a policy, and nobody asks", FINE,
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.1")), SUB, ROOT)),
    ROW("a policy is asked for, and none there", "c",
        CERTS(LEAF, CERT('S', 'R', .more = DEMANDS), ROOT), .reason = "policy"),
    ROW("a policy is asked for", FINE,
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.1")),
              CERT('S', 'R', .more = DEMANDS POLICY("1.2.3.1")), ROOT)),
    ROW("a policy is asked for, another is there", "c",
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.2")),
              CERT('S', 'R', .more = DEMANDS POLICY("1.2.3.1")), ROOT)),
    ROW("a policy is asked for two steps on", "c",
        CERTS(LEAF, CERT('S', 'T', ),
              CERT('T', 'R', .more = "policyConstraints=critical,requireExplicitPolicy:2"), ROOT)),
    ROW("a policy is asked for three steps on", FINE,
        CERTS(LEAF, CERT('S', 'T', ),
              CERT('T', 'R', .more = "policyConstraints=critical,requireExplicitPolicy:3"), ROOT)),
    ROW("a policy by its name elsewhere", FINE,
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.2")),
              CERT('S', 'R',
                   .more = DEMANDS POLICY("1.2.3.1") "policyMappings=critical,1.2.3.1:1.2.3.2\n"),
              ROOT)),
    ROW("a policy by its old name", "c",
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.1")),
              CERT('S', 'R',
                   .more = DEMANDS POLICY("1.2.3.1") "policyMappings=critical,1.2.3.1:1.2.3.2\n"),
              ROOT)),
    ROW("names elsewhere are forbidden", "c",
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.2")),
              CERT('S', 'T', .more = POLICY("1.2.3.1") "policyMappings=1.2.3.1:1.2.3.2\n"),
              CERT('T', 'R',
                   .more = POLICY("1.2.3.1") "policyConstraints=critical,requireExplicitPolicy:0,"
                                             "inhibitPolicyMapping:0\n"),
              ROOT)),
    ROW("any policy", FINE,
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.1")),
              CERT('S', 'R', .more = DEMANDS POLICY("2.5.29.32.0")), ROOT)),
    ROW("any policy is forbidden", "c",
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.1")),
              CERT('S', 'T', .more = POLICY("2.5.29.32.0")),
              CERT('T', 'R', .more = DEMANDS POLICY("1.2.3.1") "inhibitAnyPolicy=critical,0\n"),
              ROOT)),
    ROW("any policy under another name", "c",
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.1")),
              CERT('S', 'R',
                   .more = POLICY("1.2.3.1") "policyMappings=critical,2.5.29.32.0:1.2.3.1\n"),
              ROOT)),
    ROW("the same policy twice", "c",
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.1,1.2.3.1")), SUB, ROOT)),
    ROW("we ask for a policy", FINE,
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.1,1.2.3.2")),
              CERT('S', 'R', .more = POLICY("1.2.3.1")), ROOT),
        .policies = "1.2.3.1"),
    ROW("we ask for one of two", FINE,
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.2")),
              CERT('S', 'R', .more = POLICY("2.5.29.32.0")), ROOT),
        .policies = "1.2.3.1 1.2.3.2"),
    ROW("we ask for a policy, and there is none", "c", CERTS(LEAF, SUB, ROOT),
        .policies = "1.2.3.1"),
    ROW("we ask for a policy, and there is another", "c",
        CERTS(CERT('L', 'S', .more = POLICY("1.2.3.2")), CERT('S', 'R', .more = POLICY("1.2.3.2")),
              ROOT),
        .policies = "1.2.3.1"),
    /* ---- revocation ---- */
    ROW("on no list", FINE, CERTS(LEAF, SUB, ROOT), .lists = "SR"),
    ROW("revoked", "r", CERTS(LEAF, SUB, ROOT), .lists = "SR", .revoked = "L"),
    ROW("sub-CA revoked", "r", CERTS(LEAF, SUB, ROOT), .lists = "SR", .revoked = "S",
        .reason = "issuer CN=CA S"),
    ROW("the upper one of two sub-CAs revoked", "r",
        CERTS(LEAF, CERT('S', 'T', ), CERT('T', 'R', ), ROOT), .lists = "STR", .revoked = "T"),
    ROW("an anchor on its own list", FINE, CERTS(LEAF, SUB, ROOT), .lists = "SR", .revoked = "R"),
    ROW("no list of its issuer", "sssssu", CERTS(LEAF, SUB, ROOT), .lists = "R"),
    ROW("no list of its issuer's issuer", "sssssu", CERTS(LEAF, SUB, ROOT), .lists = "S"),
    ROW("revoked and expired", "r", CERTS(LEAF, SUB, ROOT), .lists = "SR", .revoked = "L",
        .now = PKI_2027 + 1000),
/* ---- several ways ---- */
#define CROSS(by, ...) CERT('X', by, .name = 'S', .key = 'S', __VA_ARGS__)
    ROW("certified by ours and by a stranger", FINE, CERTS(LEAF, SUB, CROSS('Q', ), ROOT)),
    ROW("certified by a stranger and by ours", FINE, CERTS(LEAF, CROSS('Q', ), SUB, ROOT)),
    ROW("certified by two strangers", "i", CERTS(LEAF, CROSS('Q', ), CERT('S', 'P', ), ROOT)),
    ROW("two ways, one expired", FINE, CERTS(LEAF, CROSS('R', .until = PKI_2026), SUB, ROOT)),
    ROW("two ways, one of too short a length", FINE,
        CERTS(LEAF, CROSS('T', ), SUB, CERT('T', 'R', .ext = LENGTH("0")), ROOT)),
    ROW("two ways, one not for this name", FINE,
        CERTS(LEAF, CROSS('R', .more = "nameConstraints=critical,permitted;DNS:x.example"), SUB,
              ROOT)),
    ROW("two ways, one signed with SHA-1", FINE, CERTS(LEAF, CROSS('R', .md = "SHA1"), SUB, ROOT)),
    ROW("two ways, one revoked", "r", CERTS(LEAF, CROSS('R', ), SUB, ROOT), .lists = "SR",
        .revoked = "X"),
    ROW("two CAs certify each other", "i", CERTS(LEAF, CERT('S', 'T', ), CERT('T', 'S', ), ROOT)),
    ROW("two CAs certify each other, and ours one of them", FINE,
        CERTS(LEAF, CERT('S', 'T', ), CERT('T', 'S', ), CERT('U', 'R', .name = 'T', .key = 'T'),
              ROOT)),
    ROW("three CAs in a ring", "i",
        CERTS(LEAF, CERT('S', 'T', ), CERT('T', 'U', ), CERT('U', 'S', ), ROOT)),
    ROW("a CA certifies itself, and ours does", FINE,
        CERTS(LEAF, CERT('X', 'S', .name = 'S', .key = 'S'), SUB, ROOT)),
    ROW("our root is certified by theirs, too", FINE,
        CERTS(LEAF, SUB, CERT('X', 'Q', .name = 'R', .key = 'R'), ROOT, CERT('Q', 'Q', ))),
    ROW("their root is certified by ours", FINE,
        CERTS(LEAF, CERT('S', 'Q', ), CERT('Q', 'Q', ), CERT('X', 'R', .name = 'Q', .key = 'Q'),
              ROOT)),
    ROW("a dead end of two steps", FINE, CERTS(LEAF, CROSS('T', ), CERT('T', 'Q', ), SUB, ROOT)),
/* ---- names and keys that do not go together ---- */
#define BARE_CA .ext = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n"
#define BARE_LEAF .ext = CHAIN_KU CHAIN_EKU
    ROW("a CA of the same name with another key", "i",
        CERTS(CERT('L', 'R', ), CERT('R', 'R', .key = 'U', .issuer_key = 'U'))),
    ROW("the same, and nothing says which key", "f",
        CERTS(CERT('L', 'R', BARE_LEAF), CERT('R', 'R', .key = 'U', .issuer_key = 'U', BARE_CA))),
    ROW("an anchor of each key, and nothing says which", FINE,
        CERTS(CERT('L', 'R', BARE_LEAF), CERT('R', 'R', .key = 'U', .issuer_key = 'U', BARE_CA),
              CERT('R', 'R', BARE_CA, .serial = 7))),
    ROW("a sub-CA of each key, and nothing says which", FINE,
        CERTS(CERT('L', 'S', BARE_LEAF), CERT('S', 'R', .key = 'U', BARE_CA),
              CERT('S', 'R', BARE_CA, .serial = 7), ROOT)),
    ROW("a CA of the same key with another name", "i",
        CERTS(LEAF, CERT('T', 'R', .key = 'S'), ROOT)),
    ROW("an authority's key that nobody has", "i",
        CERTS(CERT('L', 'S',
                   .ext = CHAIN_KU CHAIN_EKU
                   "2.5.29.35=DER:3016801400112233445566778899AABBCCDDEEFF00112233"),
              SUB, ROOT)),
    ROW("its signature is damaged", "f", CERTS(CERT('L', 'S', .damaged = true), SUB, ROOT)),
    ROW("its sub-CA's signature is damaged", "f",
        CERTS(LEAF, CERT('S', 'R', .damaged = true), ROOT)),
    ROW("signed with another key", "f",
        CERTS(CERT('L', 'S', .issuer_key = 'U', BARE_LEAF), SUB, ROOT)),
    /* ---- algorithms ---- */
    ROW("signed with SHA-1", "w", CERTS(CERT('L', 'S', .md = "SHA1"), SUB, ROOT), .reason = "SHA1"),
    ROW("sub-CA signed with SHA-1", "w", CERTS(LEAF, CERT('S', 'R', .md = "SHA1"), ROOT)),
    ROW("root signed with SHA-1", FINE, CERTS(LEAF, SUB, CERT('R', 'R', .md = "SHA1"))),
    ROW("signed with MD5", "w",
        CERTS(CERT('L', 'S', .issuer_key = 'r', .md = "MD5"), CERT('S', 'R', .key = 'r'), ROOT)),
    ROW("signed with SHA-512", FINE, CERTS(CERT('L', 'S', .md = "SHA512"), SUB, ROOT)),
    ROW("RSA-2048", FINE,
        CERTS(CERT('L', 'S', .issuer_key = 'r'), CERT('S', 'R', .key = 'r'), ROOT)),
    ROW("RSA-1024", "w", CERTS(CERT('L', 'S', .key = 'w'), SUB, ROOT), .reason = "1024"),
    ROW("a sub-CA of RSA-1024", "w",
        CERTS(CERT('L', 'S', .issuer_key = 'w'), CERT('S', 'R', .key = 'w'), ROOT)),
    ROW("a root of RSA-1024", "w",
        CERTS(CERT('L', 'R', .issuer_key = 'w'), CERT('R', 'R', .key = 'w', .issuer_key = 'w'))),
    ROW("RSA-PSS", FINE,
        CERTS(CERT('L', 'S', .issuer_key = 'r', .pss = true), CERT('S', 'R', .key = 'r'), ROOT)),
    ROW("RSA-PSS with SHA-1", "w",
        CERTS(CERT('L', 'S', .issuer_key = 'r', .pss = true, .md = "SHA1"),
              CERT('S', 'R', .key = 'r'), ROOT)),
    ROW("DSA", "w", CERTS(CERT('L', 'S', .key = 'd'), SUB, ROOT)),
    ROW("P-192", "w", CERTS(CERT('L', 'S', .key = 'p'), SUB, ROOT)),
    ROW("secp160r1", "w", CERTS(CERT('L', 'S', .key = 'q'), SUB, ROOT)),
    ROW("P-224", "w", CERTS(CERT('L', 'S', .key = 'k'), SUB, ROOT)),
    ROW("a sub-CA of P-192", "w",
        CERTS(CERT('L', 'S', .issuer_key = 'p'), CERT('S', 'R', .key = 'p'), ROOT)),
    ROW("a curve written out", "c", CERTS(CERT('L', 'S', .key = 'x'), SUB, ROOT)),
    ROW("a sub-CA's curve written out", "c",
        CERTS(CERT('L', 'S', .issuer_key = 'x'), CERT('S', 'R', .key = 'x'), ROOT)),
    ROW("P-384", FINE, CERTS(CERT('L', 'S', .key = 'h'), SUB, ROOT)),
    ROW("brainpoolP256r1", FINE, CERTS(CERT('L', 'S', .key = 'b'), SUB, ROOT)),
    ROW("Ed25519", FINE,
        CERTS(CERT('L', 'S', .issuer_key = 'e', .key = 'e'), CERT('S', 'R', .key = 'e'), ROOT)),
    /* ---- extensions and numbers ---- */
    ROW("an extension of nobody's", FINE,
        CERTS(CERT('L', 'S', .more = "1.2.3.4.5=DER:0500\n"), SUB, ROOT)),
    ROW("a critical extension of nobody's", "c",
        CERTS(CERT('L', 'S', .more = "1.2.3.4.5=critical,DER:0500\n"), SUB, ROOT)),
    ROW("a critical extension of nobody's in a sub-CA", "c",
        CERTS(LEAF, CERT('S', 'R', .more = "1.2.3.4.5=critical,DER:0500\n"), ROOT)),
    ROW("an extension of nobody's, twice", "c",
        CERTS(CERT('L', 'S', .ext = CHAIN_LEAF "1.2.3.4.5=DER:0500\n",
                   .more = "1.2.3.4.5=DER:0500\n"),
              SUB, ROOT)),
    ROW("two key usages", "i",
        CERTS(CERT('L', 'S', .more = "keyUsage=critical,digitalSignature\n"), SUB, ROOT)),
    ROW("two basic constraints in a sub-CA", "i",
        CERTS(LEAF, CERT('S', 'R', .more = "basicConstraints=critical,CA:TRUE\n"), ROOT)),
    ROW("garbage as key usage", "i",
        CERTS(CERT('L', 'S', .ext = "keyUsage=critical,DER:FFFF\n"), SUB, ROOT)),
    ROW("garbage as alternative name", "i",
        CERTS(CERT('L', 'S', .ext = CHAIN_KU CHAIN_EKU "subjectAltName=DER:04020500\n"), SUB,
              ROOT)),
    ROW("garbage as policies", "c",
        CERTS(CERT('L', 'S', .more = "certificatePolicies=DER:0500\n"), SUB, ROOT)),
    ROW("garbage as constraints in a sub-CA", "i",
        CERTS(LEAF, CERT('S', 'R', .ext = "basicConstraints=critical,DER:0500\n" CHAIN_CA_USAGE),
              ROOT)),
    ROW("a negative number", FINE, CERTS(CERT('L', 'S', .negative_serial = true), SUB, ROOT)),
};

/* ---- one row ---- */

struct chain {
    struct cert *certs[NODES_MAX];
    size_t count;
    struct trust *trust;
    struct crls *crls;
    const struct cert *along[NODES_MAX];
    size_t along_count;
};

static bool is_anchor(const struct row *row, char id)
{
    return strchr(row->anchors == NULL ? "R" : row->anchors, id) != NULL;
}

static void anchors_add(struct chain *c, const struct row *row)
{
    struct error err = {0};

    assert_int_equal(trust_new(&c->trust, &err), ST_OK);
    for (size_t i = 1; i < c->count; i++) {
        AUTO(buf_deinit) struct buf pem = {0};
        const struct chain_node *n = &row->certs[i];

        chain_cert_pem(n, &pem);
        if (is_anchor(row, n->id))
            assert_int_equal(trust_add_anchors(c->trust, "anchor", buf_span(&pem), &err), ST_OK);
        else if (row->lists != NULL)
            assert_int_equal(trust_add_intermediates(c->trust, "known", buf_span(&pem), &err),
                             ST_OK);
        else
            c->along[c->along_count++] = c->certs[i];
    }
}

static void policies_add(struct chain *c, const struct row *row)
{
    struct error err = {0};
    AUTO(free_drop) char *text = strdup(row->policies == NULL ? "" : row->policies);
    char *rest = NULL;

    for (char *oid = strtok_r(text, " ", &rest); oid != NULL; oid = strtok_r(NULL, " ", &rest))
        assert_int_equal(trust_add_policy(c->trust, CERT_FOR_EVERYTHING, oid, &err), ST_OK);
}

static const struct chain_node *issuer_node(const struct row *row, char id)
{
    for (size_t i = 0; i < NODES_MAX; i++)
        if (row->certs[i].id == id)
            return &row->certs[i];
    return NULL;
}

static void list_add(struct chain *c, const struct row *row, char issuer)
{
    AUTO(buf_deinit) struct buf cert = {0}, key = {0}, crl = {0};
    const struct cert *revoked[NODES_MAX];
    struct crl_spec spec = {.revoked = revoked, .from = PKI_2026, .until = PKI_2030};
    struct error err = {0};

    chain_cert_pem(issuer_node(row, issuer), &cert);
    chain_key_pem(issuer, &key);
    for (size_t i = 0; i < c->count; i++)
        if (row->certs[i].issuer == issuer && row->revoked != NULL &&
            strchr(row->revoked, row->certs[i].id) != NULL)
            revoked[spec.revoked_count++] = c->certs[i];
    spec.ca_cert_pem = buf_span(&cert);
    spec.ca_key_pem = buf_span(&key);
    crl_make(&spec, &crl);
    assert_int_equal(crls_add(c->crls, "list", buf_span(&crl), &err), ST_OK);
}

static void lists_add(struct chain *c, const struct row *row)
{
    struct error err = {0};

    if (row->lists == NULL)
        return;
    assert_int_equal(crls_new(c->trust, true, &c->crls, &err), ST_OK);
    for (const char *issuer = row->lists; *issuer != '\0'; issuer++)
        list_add(c, row, *issuer);
}

static void chain_init(struct chain *c, const struct row *row)
{
    struct error err = {0};

    *c = (struct chain){0};
    while (c->count < NODES_MAX && row->certs[c->count].id != 0) {
        assert_int_equal(chain_cert(&row->certs[c->count], &c->certs[c->count], &err), ST_OK);
        c->count++;
    }
    anchors_add(c, row);
    policies_add(c, row);
    lists_add(c, row);
}

static void chain_deinit(struct chain *c)
{
    crls_free(c->crls);
    trust_free(c->trust);
    for (size_t i = 0; i < c->count; i++)
        cert_free(c->certs[i]);
}

static char letter_of(const struct cert_verdict *v)
{
    static const struct {
        const char *check;
        char letter;
    } letters[] = {{"validity", 't'},  {"key usage", 'u'}, {"strength", 'w'},
                   {"chain", 'c'},     {"issuer", 'i'},    {"revocation status", 's'},
                   {"signature", 'f'}, {"revocation", 'r'}};

    for (size_t i = 0; v->check != NULL && i < ARRAY_LEN(letters); i++)
        if (strcmp(letters[i].check, v->check) == 0)
            return letters[i].letter;
    return v->check == NULL ? '+' : '?';
}

/* What a sentence about a certificate must say: which one, for what, and what is wrong. */
static void reason_check(const struct chain *c, const struct row *row, const struct cert_verdict *v)
{
    char purpose[64];

    if (v->check == NULL) {
        assert_string_equal(v->reason, "");
        return;
    }
    (void)snprintf(purpose, sizeof purpose, ", for %s: ", cert_purpose_name(v->purpose));
    assert_non_null(strstr(v->reason, purpose));
    assert_non_null(strstr(v->reason, cert_serial(c->certs[0])));
    assert_ptr_equal(strstr(v->reason, cert_subject(c->certs[0])), v->reason);
    if (row->reason != NULL && v->purpose == CERT_FOR_OSCI_CIPHER)
        assert_non_null(strstr(v->reason, row->reason));
}

static void test_row(void **state)
{
    const struct row *row = *state;
    char letters[CERT_PURPOSES + 1] = "", expected[CERT_PURPOSES + 1] = "";
    struct chain c;
    struct error err = {0};

    chain_init(&c, row);
    for (size_t i = 0; i < CERT_PURPOSES; i++) {
        struct cert_verdict v = {0};

        expected[i] = row->verdicts[row->verdicts[1] == '\0' ? 0 : i];
        assert_int_equal(cert_check(c.trust, c.crls, c.certs[0], c.along, c.along_count,
                                    (enum cert_purpose)i, row->now == 0 ? PKI_NOW : row->now, &v,
                                    &err),
                         ST_OK);
        letters[i] = letter_of(&v);
        assert_int_equal(v.purpose, i);
        assert_int_equal(cert_verdict_good(&v), letters[i] == '+' || letters[i] == 's');
        reason_check(&c, row, &v);
    }
    assert_string_equal(letters, expected);
    chain_deinit(&c);
}

/* ---- large, and costly ---- */

/* An extension of so many names makes a certificate of this many bytes, more or less. */
static void names_text(struct buf *text, size_t names, const char *before)
{
    buf_init(text, 16 * 1024 * 1024);
    buf_str(text, before);
    for (size_t i = 0; i < names; i++)
        buf_printf(text, "%sn%zu.example", i == 0 ? "DNS:" : ",DNS:", i);
    buf_char(text, '\n');
}

static void large_is_refused(void **state)
{
    static const size_t names[] = {70000, 100000}; /* 1 MB, and more */
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(buf_deinit) struct buf text = {0};
        struct cert *cert = NULL;

        names_text(&text, names[i], "subjectAltName=");
        assert_int_equal(
            chain_cert(&(struct chain_node){.id = 'L', .issuer = 'R', .ext = buf_cstr(&text)},
                       &cert, &err),
            ST_LIMIT);
        assert_null(cert);
    }
}

/* Processor time, not the wall's: other tests run beside this one. */
static double seconds_of(const struct trust *trust, const struct cert *cert,
                         const struct cert *const *along, size_t along_count,
                         struct cert_verdict *v)
{
    clock_t began = clock();
    struct error err = {0};

    assert_int_equal(
        cert_check(trust, NULL, cert, along, along_count, CERT_FOR_OSCI_CIPHER, PKI_NOW, v, &err),
        ST_OK);
    return (double)(clock() - began) / CLOCKS_PER_SEC;
}

/* As many names as fit, against as many constraints as fit. */
static void names_are_bounded(void **state)
{
    AUTO(buf_deinit) struct buf names = {0}, bounds = {0}, pem = {0};
    AUTO(cert_drop) struct cert *leaf = NULL;
    AUTO(cert_drop) struct cert *sub = NULL;
    AUTO(trust_drop) struct trust *trust = NULL;
    struct cert_verdict v = {0};
    struct error err = {0};

    (void)state;
    names_text(&names, 3500, CHAIN_KU CHAIN_IDS "subjectAltName=");
    buf_init(&bounds, 16 * 1024 * 1024);
    buf_str(&bounds, "nameConstraints=critical");
    for (size_t i = 0; i < 3000; i++)
        buf_printf(&bounds, ",%s;DNS:c%zu.test", i % 2 == 0 ? "permitted" : "excluded", i);
    buf_char(&bounds, '\n');
    assert_int_equal(
        chain_cert(&(struct chain_node)CERT('L', 'S', .ext = buf_cstr(&names)), &leaf, &err),
        ST_OK);
    assert_int_equal(
        chain_cert(&(struct chain_node)CERT('S', 'R', .more = buf_cstr(&bounds)), &sub, &err),
        ST_OK);
    chain_cert_pem(&(struct chain_node)ROOT, &pem);
    assert_int_equal(trust_new(&trust, &err), ST_OK);
    assert_int_equal(trust_add_anchors(trust, "root", buf_span(&pem), &err), ST_OK);
    assert_true(seconds_of(trust, leaf, (const struct cert *[]){sub}, 1, &v) < 10);
    assert_string_equal(v.check, "chain");
}

enum { MESH = 24 };

/* Every one of many CAs certifies every other, and none leads anywhere. */
static void mesh_is_bounded(void **state)
{
    AUTO(buf_deinit) struct buf root = {0};
    AUTO(cert_drop) struct cert *leaf = NULL;
    AUTO(trust_drop) struct trust *trust = NULL;
    struct cert_verdict v = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(trust_new(&trust, &err), ST_OK);
    for (int i = 0; i < MESH * MESH; i++) {
        AUTO(buf_deinit) struct buf pem = {0};
        const struct chain_node node = {.id = (char)('0' + i / MESH),
                                        .issuer = (char)('0' + i % MESH)};

        chain_cert_pem(&node, &pem);
        assert_int_equal(trust_add_intermediates(trust, "mesh", buf_span(&pem), &err), ST_OK);
    }
    assert_int_equal(chain_cert(&(struct chain_node)CERT('L', '0', ), &leaf, &err), ST_OK);
    assert_true(seconds_of(trust, leaf, NULL, 0, &v) < 10);
    assert_string_equal(v.check, "issuer");
    chain_cert_pem(&(struct chain_node)CERT('Z', 'Z', ), &root);
    assert_int_equal(trust_add_anchors(trust, "root", buf_span(&root), &err), ST_OK);
    assert_true(seconds_of(trust, leaf, NULL, 0, &v) < 10);
    assert_string_equal(v.check, "issuer");
}

/* Each CA calls each policy by every name of the next one: a tree that doubles and doubles. */
static void policies_are_bounded(void **state)
{
    static const char issuers[] = "ABCDEFGR";
    const struct cert *along[ARRAY_LEN(issuers)] = {0};
    struct cert *certs[ARRAY_LEN(issuers)] = {0};
    AUTO(buf_deinit) struct buf pem = {0}, text = {0};
    AUTO(cert_drop) struct cert *leaf = NULL;
    AUTO(trust_drop) struct trust *trust = NULL;
    struct cert_verdict v = {0};
    struct error err = {0};

    (void)state;
    buf_init(&text, 1 << 20);
    buf_str(&text, "policyConstraints=requireExplicitPolicy:0\ncertificatePolicies=1.2.3.0");
    for (int i = 1; i < 20; i++)
        buf_printf(&text, ",1.2.3.%d", i);
    buf_str(&text, "\npolicyMappings=1.2.3.0:1.2.3.0");
    for (int i = 1; i < 400; i++)
        buf_printf(&text, ",1.2.3.%d:1.2.3.%d", i / 20, i % 20);
    buf_char(&text, '\n');
    assert_int_equal(trust_new(&trust, &err), ST_OK);
    for (size_t i = 0; i + 2 < ARRAY_LEN(issuers); i++) {
        assert_int_equal(chain_cert(&(struct chain_node){.id = issuers[i],
                                                         .issuer = issuers[i + 1],
                                                         .more = buf_cstr(&text)},
                                    &certs[i], &err),
                         ST_OK);
        along[i] = certs[i];
    }
    chain_cert_pem(&(struct chain_node)ROOT, &pem);
    assert_int_equal(trust_add_anchors(trust, "root", buf_span(&pem), &err), ST_OK);
    assert_int_equal(chain_cert(&(struct chain_node)CERT('L', 'A', ), &leaf, &err), ST_OK);
    assert_true(seconds_of(trust, leaf, along, ARRAY_LEN(issuers) - 2, &v) < 10);
    assert_string_equal(v.check, "chain");
    for (size_t i = 0; i < ARRAY_LEN(certs); i++)
        cert_free(certs[i]);
}

/* ---- stores ---- */

/* Who is believed for one purpose is not for another. */
static void purposes_are_apart(void **state)
{
    AUTO(buf_deinit) struct buf pem = {0};
    AUTO(cert_drop) struct cert *leaf = NULL;
    struct error err = {0};

    (void)state;
    chain_cert_pem(&(struct chain_node)ROOT, &pem);
    assert_int_equal(chain_cert(&(struct chain_node)CERT('L', 'R', ), &leaf, &err), ST_OK);
    for (unsigned given = 0; given < CERT_FOR_TIME_STAMP; given++) {
        AUTO(trust_drop) struct trust *trust = NULL;
        AUTO(trust_drop) struct trust *pins = NULL;

        assert_int_equal(trust_new(&trust, &err), ST_OK);
        assert_int_equal(trust_new(&pins, &err), ST_OK);
        assert_int_equal(
            trust_add_anchors_for(trust, CERT_PURPOSE_BIT(given), "root", buf_span(&pem), &err),
            ST_OK);
        assert_int_equal(trust_pin(pins, CERT_PURPOSE_BIT(given), leaf, &err), ST_OK);
        for (unsigned asked = 0; asked < CERT_FOR_TIME_STAMP; asked++) {
            struct cert_verdict v = {0};

            assert_int_equal(
                cert_check(trust, NULL, leaf, NULL, 0, (enum cert_purpose)asked, PKI_NOW, &v, &err),
                ST_OK);
            assert_int_equal(letter_of(&v), asked == given ? '+' : 'i');
            assert_int_equal(
                cert_check(pins, NULL, leaf, NULL, 0, (enum cert_purpose)asked, PKI_NOW, &v, &err),
                ST_OK);
            assert_int_equal(letter_of(&v), asked == given ? '+' : 'i');
        }
        assert_int_equal(trust_add_anchors(trust, "root", buf_span(&pem), &err), ST_OK);
        assert_int_equal(trust_anchor_count(trust), 1); /* the same one, for more purposes now */
    }
}

static void policy_must_be_one(void **state)
{
    AUTO(trust_drop) struct trust *trust = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(trust_new(&trust, &err), ST_OK);
    assert_int_equal(trust_add_policy(trust, CERT_FOR_EVERYTHING, "1.2.276.0.76.4", &err), ST_OK);
    assert_int_equal(trust_add_policy(trust, CERT_FOR_EVERYTHING, "no policy", &err), ST_INVALID);
    assert_int_equal(trust_add_policy(trust, CERT_FOR_EVERYTHING, "", &err), ST_INVALID);
}

static int teardown(void **state)
{
    (void)state;
    chain_keys_drop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(large_is_refused),   cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(mesh_is_bounded),    cmocka_unit_test(policies_are_bounded),
        cmocka_unit_test(purposes_are_apart), cmocka_unit_test(policy_must_be_one),
    };
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(others)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    memcpy(&tests[ARRAY_LEN(rows)], others, sizeof others);
    return cmocka_run_group_tests(tests, NULL, teardown);
}
