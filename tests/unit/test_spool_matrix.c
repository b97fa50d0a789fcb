/* The drop-folder matrix: what a Fachverfahren does under each rule, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "crypto/digest.h"
#include "gateway/worker.h"
#include "helper_spool.h"
#include "tests/unit/helper_crypto.h"

#define R SPOOL_RENAME
#define S SPOOL_SETTLED
#define K SPOOL_MARKER
#define M SPOOL_MANIFEST

static struct row {
    const char *name;
    enum spool_rule rule;
    const char *script;         /* helper_spool.h; '%' is brief.txt */
    struct spool_expect expect; /* taken, refused, left, reason */
} rows[] = {
    /* ---- renamed into place ---- */
    {"rename: nothing there", R, "scan", {0}},
    {"rename: into place", R, "t % eins; scan", {1, 0, 0, 0}},
    {"rename: .tmp waits", R, "w %.tmp eins; scan", {0, 0, 1, 0}},
    {"rename: .TMP waits", R, "w %.TMP eins; scan", {0, 0, 1, 0}},
    {"rename: .Part waits", R, "w %.Part eins; scan", {0, 0, 1, 0}},
    {"rename: .part waits", R, "w %.part eins; scan", {0, 0, 1, 0}},
    {"rename: a backup is passed over", R, "w %~ eins; scan", {0, 0, 1, 0}},
    {"rename: a hidden name is passed over", R, "w .% eins; scan", {0, 0, 1, 0}},
    {"rename: looked at before and after", R, "w %.tmp eins; scan; mv %.tmp %; scan", {1, 0, 0, 0}},
    {"rename: the same name again", R, "t % eins; scan; t % eins; scan", {2, 0, 0, 0}},
    {"rename: the same bytes again at once",
     R,
     "t % eins; scan; t % eins; scan; t % eins; scan",
     {3, 0, 0, 0}},
    {"rename: replaced before the look", R, "t % eins; t % zwei; scan", {1, 0, 0, 0}},
    {"rename: gone before the look", R, "t % eins; rm %; scan", {0}},
    {"rename: many at once", R, "t a x; t b x; t c x; t d x; t e x; t f x; scan", {6, 0, 0, 0}},
    {"rename: names that differ in case", R, "t A.pdf eins; t a.pdf zwei; scan", {2, 0, 0, 0}},
    {"rename: names that differ in the case of umlauts",
     R,
     "t \303\204.pdf eins; t \303\244.pdf zwei; scan",
     {2, 0, 0, 0}},
    {"rename: names that differ in how umlauts are written",
     R,
     "t \303\204.pdf eins; t A\314\210.pdf zwei; scan",
     {2, 0, 0, 0}},
    {"rename: refused under names that differ in case",
     R,
     "link A.pdf; link a.pdf; scan",
     {0, 2, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"rename: an empty file may be a beginning", R, "w % ; scan", {0, 0, 1, 0}},
    {"rename: an empty file that stays", R, "w % ; scan; pause; scan", {0, 1, 0, GW_R_SPOOL_EMPTY}},
    {"rename: an empty file that grows", R, "w % ; scan; w % eins; scan", {1, 0, 0, 0}},
    {"rename: too large", R, "big %; scan", {0, 1, 0, GW_R_SPOOL_TOO_LARGE}},
    {"rename: a link", R, "link %; scan", {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"rename: a pipe", R, "fifo %; scan", {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"rename: a socket", R, "sock %; scan", {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"rename: a file becomes a link",
     R,
     "t % eins; rm %; link %; scan",
     {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"rename: a folder becomes a file", R, "d %; rm %; t % eins; scan", {1, 0, 0, 0}},
    {"rename: locked", R, "t % eins; lock %; scan", {0, 0, 1, 0}},
    {"rename: locked, then free", R, "t % eins; lock %; scan; unlock; scan", {1, 0, 0, 0}},
    {"rename: locked the other way", R, "t % eins; olock %; scan", {0, 0, 1, 0}},
    {"rename: locked the other way, then free",
     R,
     "t % eins; olock %; scan; unlock; scan",
     {1, 0, 0, 0}},
    {"rename: locked for long",
     R,
     "overdue; t % eins; lock %; scan; scan",
     {0, 0, 1, GW_R_SPOOL_BUSY}},
    {"rename: open for writing counts for nothing", R, "t % eins; open %; scan", {1, 0, 0, 0}},
    {"rename: markers and manifests are files", R, "t %.ready x; t %.sha256 x; scan", {2, 0, 0, 0}},
    {"rename: a meta file goes along", R, "w %.meta.yaml subject: S; t % eins; scan", {1, 0, 0, 0}},
    {"rename: a meta file alone waits", R, "w %.meta.yaml subject: S; scan", {0, 0, 1, 0}},
    {"rename: a meta file that is a link",
     R,
     "link %.meta.yaml; t % eins; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_META}},
    {"rename: a meta file that is a pipe",
     R,
     "fifo %.meta.yaml; t % eins; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_META}},
    {"rename: a meta file that is a folder",
     R,
     "d %.meta.yaml; w %.meta.yaml/a x; t % eins; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_META}},
    {"rename: a meta file that is too large",
     R,
     "big %.meta.yaml; t % eins; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_META}},
    {"rename: a header that is a link",
     R,
     "link %.meta.xml; t % eins; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_META}},
    {"rename: two names of one file", R, "t a eins; hard a b; scan", {2, 0, 0, 0}},
    {"rename: two names of one file, one after the other",
     R,
     "t a eins; hard a .b; scan; moved; mv .b a; scan",
     {2, 0, 0, 0}},
    {"rename: a file full of holes", R, "hole %; scan", {1, 0, 0, 0}},
    {"rename: a bad meta file",
     R,
     "w %.meta.yaml kein: S; t % eins; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_META}},
    {"rename: a later meta file is another's",
     R,
     "t % eins; scan; w %.meta.yaml subject: S; scan",
     {1, 0, 1, 0}},
    {"rename: a header goes along",
     R,
     "w %.meta.xml <a xmlns='urn:a'/>; t % eins; scan",
     {1, 0, 0, 0}},
    {"rename: a header that is none",
     R,
     "w %.meta.xml nein; t % eins; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_META}},
    {"rename: refused twice under one name",
     R,
     "link %; scan; link %; scan",
     {0, 2, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"rename: a time long ago", R, "t % eins; touch %; scan", {1, 0, 0, 0}},

    /* ---- folders ---- */
    {"folder: into place", R, "d .d; w .d/a eins; w .d/b zwei; mv .d akte; scan", {1, 0, 0, 0}},
    {"folder: one file still written", R, "d d; w d/a eins; w d/b.part z; scan", {0, 0, 1, 0}},
    {"folder: then complete",
     R,
     "d d; w d/a eins; w d/b.tmp z; scan; mv d/b.tmp d/b; scan",
     {1, 0, 0, 0}},
    {"folder: hidden files are not sent",
     R,
     "d d; w d/a eins; w d/.b zwei; w d/c~ drei; scan",
     {1, 0, 0, 0}},
    {"folder: nothing but hidden files",
     R,
     "d d; w d/.b zwei; pause; scan",
     {0, 1, 0, GW_R_SPOOL_EMPTY}},
    {"folder: empty", R, "d d; pause; scan", {0, 1, 0, GW_R_SPOOL_EMPTY}},
    {"folder: one of its files is empty", R, "d d; w d/a eins; w d/b ; scan", {1, 0, 0, 0}},
    {"folder: names that differ in case",
     R,
     "d d; w d/A.pdf eins; w d/a.pdf zwei; scan",
     {1, 0, 0, 0}},
    {"folder: names that differ in how umlauts are written",
     R,
     "d d; w d/\303\204.pdf eins; w d/A\314\210.pdf zwei; scan",
     {1, 0, 0, 0}},
    {"folder: devices, dots and blanks",
     R,
     "d d; w d/CON eins; w d/nul.txt zwei; w d/a. drei; scan",
     {1, 0, 0, 0}},
    {"folder: one file still written, in capitals",
     R,
     "d d; w d/a eins; w d/b.TMP z; scan",
     {0, 0, 1, 0}},
    {"folder: two names of one file in it", R, "d d; w d/a eins; hard d/a d/b; scan", {1, 0, 0, 0}},
    {"folder: a name that is not UTF-8",
     R,
     "d d; w d/a eins; w d/M\374ller zwei; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_NAME}},
    {"folder: a name of two lines",
     R,
     "d d; w d/a eins; w d/b\nc zwei; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_NAME}},
    {"folder: a folder in it",
     R,
     "d d; w d/a eins; d d/e; w d/e/b zwei; scan",
     {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"folder: deep folders",
     R,
     "d d; d d/d; d d/d/d; d d/d/d/d; w d/d/d/d/a eins; scan",
     {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"folder: a link in it",
     R,
     "d d; w d/a eins; link d/b; scan",
     {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"folder: a pipe in it",
     R,
     "d d; w d/a eins; fifo d/b; scan",
     {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"folder: a socket in it",
     R,
     "d d; w d/a eins; sock d/b; scan",
     {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"folder: a file of it is locked",
     R,
     "d d; w d/a eins; lock d/a; scan; unlock; scan",
     {1, 0, 0, 0}},
    {"folder: together too large",
     R,
     "d d; w d/a eins; big d/b; scan",
     {0, 1, 0, GW_R_SPOOL_TOO_LARGE}},
    {"folder: with a meta file",
     R,
     "w d.meta.yaml subject: S; d d; w d/a eins; scan",
     {1, 0, 0, 0}},
    {"folder: renamed meanwhile", R, "d d; w d/a eins; mv d e; scan", {1, 0, 0, 0}},

    /* ---- what a crash leaves, and what people do ---- */
    {"crash: nothing left", R, "t % eins; scan; crash; scan", {1, 0, 0, 0}},
    {"crash: claimed", R, "t % eins; claim %; crash; scan", {1, 0, 0, 0}},
    {"crash: claimed with its meta file",
     R,
     "w %.meta.yaml subject: S; t % eins; claim %; crash; scan",
     {1, 0, 0, 0}},
    {"crash: claimed without its meta file",
     R,
     "w %.meta.yaml kein: S; t % eins; claimonly %; crash; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_META}},
    {"crash: claimed, and the name is there again",
     R,
     "t % eins; claim %; t % zwei; crash; scan",
     {2, 0, 0, 0}},
    {"crash: claimed and accepted", R, "t % eins; scan; unsend; crash; scan", {1, 0, 0, 0}},
    {"crash: claimed, accepted, and the name is there again",
     R,
     "t % eins; scan; unsend; t % zwei; crash; scan",
     {2, 0, 0, 0}},
    {"crash: claimed, to be refused",
     R,
     "link %; claim %; crash; scan",
     {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"crash: claimed, and locked",
     R,
     "t % eins; lock %; claim %; crash; scan; unlock; scan",
     {1, 0, 0, 0}},
    {"crash: two in one claim go back",
     R,
     "t a eins; t b zwei; claimonly a; claimonly b; crash; scan",
     {2, 0, 0, 0}},
    {"crash: only a meta file in the claim",
     R,
     "w %.meta.yaml subject: S; claimonly %.meta.yaml; t % eins; crash; scan",
     {1, 0, 0, 0}},
    {"crash: a claimed folder", R, "d d; w d/a eins; claim d; crash; scan", {1, 0, 0, 0}},
    {"power cut: in out/ again", R, "t % eins; scan; back %; crash; scan", {1, 0, 0, 0}},
    {"power cut: with other settings",
     R,
     "t % eins; scan; back %; w %.meta.yaml x; crash; scan",
     {1, 0, 0, 0}},
    {"people: moved back from sent/", R, "t % eins; scan; moved; back %; scan", {2, 0, 0, 0}},
    {"people: moved back twice",
     R,
     "t % eins; scan; moved; back %; scan; moved; back %; scan",
     {3, 0, 0, 0}},

    /* ---- unchanged ---- */
    {"settled: not at first sight", S, "w % eins; scan", {0, 0, 1, 0}},
    {"settled: then", S, "w % eins; until", {1, 0, 0, 0}},
    {"settled: one look after a long time is the first", S, "w % eins; pause; scan", {0, 0, 1, 0}},
    {"settled: grows between the looks", S, "w % ei; scan; pause; a % ns; scan", {0, 0, 1, 0}},
    {"settled: grows, then stands", S, "w % ei; scan; pause; a % ns; scan; until", {1, 0, 0, 0}},
    {"settled: written over with the same length",
     S,
     "w % eins; scan; pause; w % zwei; scan",
     {0, 0, 1, 0}},
    {"settled: replaced", S, "w % eins; scan; pause; t % zwei; scan", {0, 0, 1, 0}},
    {"settled: gone", S, "w % eins; scan; rm %; until", {0}},
    {"settled: gone and there again",
     S,
     "w % eins; scan; rm %; scan; w % eins; scan",
     {0, 0, 1, 0}},
    {"settled: another time", S, "w % eins; scan; pause; touch %; scan", {0, 0, 1, 0}},
    {"settled: a meta file comes late",
     S,
     "w % eins; scan; pause; w %.meta.yaml subject: S; scan",
     {0, 0, 2, 0}},
    {"settled: and goes along", S, "w % eins; scan; w %.meta.yaml subject: S; until", {1, 0, 0, 0}},
    {"settled: locked", S, "w % eins; lock %; scan; pause; scan; pause; scan", {0, 0, 1, 0}},
    {"settled: locked, then free",
     S,
     "w % eins; lock %; scan; pause; scan; unlock; until",
     {1, 0, 0, 0}},
    {"settled: a folder", S, "d d; w d/a eins; until", {1, 0, 0, 0}},
    {"settled: a file in a folder grows",
     S,
     "d d; w d/a ei; scan; pause; a d/a ns; scan",
     {0, 0, 1, 0}},
    {"settled: a folder gets one more",
     S,
     "d d; w d/a eins; scan; pause; w d/b ; scan",
     {0, 0, 1, 0}},
    {"settled: .tmp never settles", S, "w %.tmp eins; until", {0, 0, 1, 0}},
    {"settled: empty", S, "w % ; until", {0, 1, 0, GW_R_SPOOL_EMPTY}},
    {"settled: a link", S, "link %; until", {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"settled: too large", S, "big %; until", {0, 1, 0, GW_R_SPOOL_TOO_LARGE}},
    {"settled: twice", S, "w % eins; until; w % eins; until", {2, 0, 0, 0}},
    {"settled: claimed before a crash settles anew",
     S,
     "w % eins; claim %; crash; scan",
     {0, 0, 1, 0}},
    {"settled: and is taken then", S, "w % eins; claim %; crash; until", {1, 0, 0, 0}},
    {"settled: claimed, and the name is there again",
     S,
     "w % eins; claim %; w % zwei; crash; until; until",
     {2, 0, 0, 0}},

    {"settled: what a dead writer leaves counts as it stands", S, "w % ei; until", {1, 0, 0, 0}},

    /* ---- with a marker ---- */
    {"marker: the file alone waits", K, "w % eins; scan", {0, 0, 1, 0}},
    {"marker: the marker alone waits", K, "ready %; scan", {0, 0, 1, 0}},
    {"marker: both", K, "w % eins; ready %; scan", {1, 0, 0, 0}},
    {"marker: the marker first", K, "ready %; scan; w % eins; scan", {1, 0, 0, 0}},
    {"marker: what stands in it does not matter",
     K,
     "w % eins; w %.ready nein; scan",
     {1, 0, 0, 0}},
    {"marker: one of two", K, "w a eins; w b zwei; ready b; scan", {1, 0, 1, 0}},
    {"marker: grows until it comes", K, "w % ei; scan; a % ns; scan; ready %; scan", {1, 0, 0, 0}},
    {"marker: the same name again", K, "w % eins; ready %; scan; w % eins; scan", {1, 0, 1, 0}},
    {"marker: the same name again, marked",
     K,
     "w % eins; ready %; scan; w % eins; ready %; scan",
     {2, 0, 0, 0}},
    {"marker: of a marker", K, "w a.ready x; w a.ready.ready x; scan", {0, 0, 2, 0}},
    {"marker: of a .tmp", K, "w a.tmp x; ready a.tmp; scan", {0, 0, 2, 0}},
    {"marker: of nothing", K, "w .ready x; scan", {0, 0, 1, 0}},
    {"marker: of the folder itself", K, "w ..ready x; w ...ready x; scan", {0, 0, 2, 0}},
    {"marker: a pipe is none", K, "w % eins; fifo %.ready; scan", {0, 0, 2, 0}},
    {"marker: a socket is none", K, "w % eins; sock %.ready; scan", {0, 0, 2, 0}},
    {"marker: a file, and its marker is large", K, "w % eins; big %.ready; scan", {1, 0, 0, 0}},
    {"marker: two names of one file", K, "w a x; hard a a.ready; scan", {1, 0, 0, 0}},
    {"marker: of a hidden file", K, "w .a x; ready .a; scan", {0, 0, 2, 0}},
    {"marker: of a meta file",
     K,
     "w %.meta.yaml subject: S; ready %.meta.yaml; scan",
     {0, 0, 2, 0}},
    {"marker: a folder is none", K, "w % eins; d %.ready; scan", {0, 0, 2, 0}},
    {"marker: a link is none", K, "w % eins; link %.ready; scan", {0, 0, 2, 0}},
    {"marker: the file goes, the marker stays", K, "w % eins; ready %; rm %; scan", {0, 0, 1, 0}},
    {"marker: alone for long",
     K,
     "overdue; ready %; scan; scan",
     {0, 0, 1, GW_R_SPOOL_SIGNAL_ALONE}},
    {"marker: a file alone for long",
     K,
     "overdue; w % eins; scan; scan",
     {0, 0, 1, GW_R_SPOOL_NOT_SIGNALLED}},
    {"marker: reported, then complete",
     K,
     "overdue; ready %; scan; scan; w % eins; scan",
     {1, 0, 0, GW_R_SPOOL_SIGNAL_ALONE}},
    {"marker: a folder with one", K, "d d; w d/a eins; ready d; scan", {1, 0, 0, 0}},
    {"marker: a folder without", K, "d d; w d/a eins; scan", {0, 0, 1, 0}},
    {"marker: a folder that is still filled",
     K,
     "d d; w d/a.part eins; ready d; scan",
     {0, 0, 2, 0}},
    {"marker: markers in a folder are files",
     K,
     "d d; w d/a eins; w d/a.ready x; ready d; scan",
     {1, 0, 0, 0}},
    {"marker: with a meta file",
     K,
     "w %.meta.yaml subject: S; w % eins; ready %; scan",
     {1, 0, 0, 0}},
    {"marker: refused with it", K, "link %; ready %; scan", {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"marker: empty, and marked", K, "w % ; ready %; pause; scan", {0, 1, 0, GW_R_SPOOL_EMPTY}},
    {"marker: locked", K, "w % eins; ready %; lock %; scan; unlock; scan", {1, 0, 0, 0}},
    {"marker: crash between both", K, "w % eins; ready %; claimonly %; crash; scan", {1, 0, 0, 0}},
    {"marker: crash, and half of another",
     K,
     "w % eins; ready %; claimonly %; w % zw; crash; scan",
     {1, 0, 1, 0}},
    {"marker: crash, and another",
     K,
     "w % eins; ready %; claimonly %; pause; w % zwei; ready %; crash; scan",
     {2, 0, 0, 0}},
    {"marker: crash with both claimed", K, "w % eins; ready %; claim %; crash; scan", {1, 0, 0, 0}},

    /* ---- with a manifest ---- */
    {"manifest: the file alone waits", M, "w % eins; scan", {0, 0, 1, 0}},
    {"manifest: the manifest alone waits", M, "for % eins; scan", {0, 0, 1, 0}},
    {"manifest: both", M, "w % eins; sum %; scan", {1, 0, 0, 0}},
    {"manifest: the manifest first", M, "for % eins; scan; w % eins; scan", {1, 0, 0, 0}},
    {"manifest: half a file waits however old",
     M,
     "for % eins; w % ei; touch %; until",
     {0, 0, 2, 0}},
    {"manifest: half a file, then the rest",
     M,
     "for % eins; w % ei; scan; a % ns; scan",
     {1, 0, 0, 0}},
    {"manifest: more than there should be", M, "for % eins; w % einszwei; until", {0, 0, 2, 0}},
    {"manifest: other bytes of the same length", M, "for % eins; w % zwei; until", {0, 0, 2, 0}},
    {"manifest: corrected", M, "for % eins; w % zwei; scan; sum %; scan", {1, 0, 0, 0}},
    {"manifest: does not fit for long",
     M,
     "overdue; for % eins; w % zwei; scan; scan",
     {0, 0, 2, GW_R_SPOOL_DIGEST}},
    {"manifest: a file alone for long",
     M,
     "overdue; w % eins; scan; scan",
     {0, 0, 1, GW_R_SPOOL_NOT_SIGNALLED}},
    {"manifest: alone for long",
     M,
     "overdue; for % eins; scan; scan",
     {0, 0, 1, GW_R_SPOOL_SIGNAL_ALONE}},
    {"manifest: empty", M, "w % eins; list % ; scan", {0, 0, 2, 0}},
    {"manifest: a digest alone", M, "w % eins; list % $; scan", {1, 0, 0, 0}},
    {"manifest: binary", M, "w % eins; list % $ *%\\n; scan", {1, 0, 0, 0}},
    {"manifest: capitals", M, "w % eins; list % ^  %\\n; scan", {1, 0, 0, 0}},
    {"manifest: CRLF", M, "w % eins; list % $  %\r\\n; scan", {1, 0, 0, 0}},
    {"manifest: BOM", M, "w % eins; list % \xef\xbb\xbf$  %\\n; scan", {1, 0, 0, 0}},
    {"manifest: ./", M, "w % eins; list % $  ./%\\n; scan", {1, 0, 0, 0}},
    {"manifest: empty lines", M, "w % eins; list % \\n$  %\\n\\n; scan", {1, 0, 0, 0}},
    {"manifest: no new line at the end", M, "w % eins; list % $  %; scan", {1, 0, 0, 0}},
    {"manifest: old Macintosh lines", M, "w % eins; list % $  %\r; scan", {1, 0, 0, 0}},
    {"manifest: two lines that disagree",
     M,
     "w % eins; list % $  %\\n"
     "0000000000000000000000000000000000000000000000000000000000000000  %\\n; scan",
     {0, 0, 2, 0}},
    {"manifest: too large", M, "w % eins; big %.sha256; scan", {0, 0, 2, 0}},
    {"manifest: a pipe", M, "w % eins; fifo %.sha256; scan", {0, 0, 2, 0}},
    {"manifest: a link", M, "w % eins; link %.sha256; scan", {0, 0, 2, 0}},
    {"manifest: is the file itself", M, "w % eins; hard % %.sha256; scan", {0, 0, 2, 0}},
    {"manifest: of BSD", M, "w % eins; list % SHA256 (%) = $\\n; scan", {0, 0, 2, 0}},
    {"manifest: UTF-16", M, "w % eins; list % \377\376$  %\\n; scan", {0, 0, 2, 0}},
    {"manifest: bytes of all kinds",
     M,
     "w % eins; list % \001\200\377\\n$  %\\n; scan",
     {0, 0, 2, 0}},
    {"manifest: a wrong escape", M, "w % eins; list % \\\\$  %\\q\\n; scan", {0, 0, 2, 0}},
    {"manifest: absolute", M, "d d; w d/a eins; list d $  /d/a\\n; scan", {0, 0, 2, 0}},
    {"manifest: up and down again",
     M,
     "d d; w d/a eins; list d $  d/../d/a\\n; scan",
     {0, 0, 2, 0}},
    {"manifest: twice the same line", M, "w % eins; list % $  %\\n$  %\\n; scan", {1, 0, 0, 0}},
    {"manifest: a name cut off", M, "w % eins; list % $  brief.t; scan", {0, 0, 2, 0}},
    {"manifest: a digest cut off", M, "w % eins; list % 12345678; scan", {0, 0, 2, 0}},
    {"manifest: no such format", M, "w % eins; list % $ %\\n; scan", {0, 0, 2, 0}},
    {"manifest: of another name", M, "w % eins; list % $  andere.txt\\n; scan", {0, 0, 2, 0}},
    {"manifest: umlauts written in another way",
     M,
     "w A\314\210.txt eins; list A\314\210.txt $  \303\204.txt\\n; scan",
     {1, 0, 0, 0}},
    {"manifest: umlauts written in another way, in a folder",
     M,
     "d A\314\210; w A\314\210/o\314\210 eins; list A\314\210 $  \303\204/\303\266\\n; scan",
     {1, 0, 0, 0}},
    {"manifest: umlauts written in both ways",
     M,
     "d d; w d/\303\266 eins; w d/o\314\210 zwei; sum d; scan",
     {1, 0, 0, 0}},
    {"manifest: umlauts written in both ways, one unlisted",
     M,
     "d d; w d/\303\266 eins; w d/o\314\210 zwei; list d $  \303\266\\n; scan",
     {0, 0, 2, 0}},
    {"manifest: of several files",
     M,
     "w a eins; w b eins; list a $  a\\n$  b\\n; scan",
     {0, 0, 3, 0}},
    {"manifest: out of its folder", M, "w % eins; list % $  ../out/%\\n; scan", {0, 0, 2, 0}},
    {"manifest: a folder", M, "d d; w d/a eins; w d/b zwei; sum d; scan", {1, 0, 0, 0}},
    {"manifest: a folder, plain names",
     M,
     "d d; w d/a eins; w d/b eins; list d $  a\\n$  b\\n; scan",
     {1, 0, 0, 0}},
    {"manifest: a folder with an unlisted file",
     M,
     "d d; w d/a eins; w d/b eins; list d $  a\\n; scan",
     {0, 0, 2, 0}},
    {"manifest: a folder where one is missing",
     M,
     "d d; w d/a eins; list d $  a\\n$  b\\n; scan",
     {0, 0, 2, 0}},
    {"manifest: a folder, then the missing one",
     M,
     "d d; w d/a eins; list d $  a\\n$  b\\n; scan; w d/b eins; scan",
     {1, 0, 0, 0}},
    {"manifest: a folder with half a file", M, "d d; w d/a ei; list d $  a\\n; scan", {0, 0, 2, 0}},
    {"manifest: a folder's hidden file is not needed",
     M,
     "d d; w d/a eins; w d/.b x; list d $  a\\n; scan",
     {1, 0, 0, 0}},
    {"manifest: a list inside is a file",
     M,
     "d d; w d/a eins; w d/a.sha256 x; sum d; scan",
     {1, 0, 0, 0}},
    {"manifest: empty, and listed", M, "w % ; sum %; pause; scan", {0, 1, 0, GW_R_SPOOL_EMPTY}},
    {"manifest: a link", M, "link %; list % $; scan", {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"manifest: is a folder", M, "w % eins; d %.sha256; scan", {0, 0, 2, 0}},
    {"manifest: locked", M, "w % eins; sum %; lock %; scan; unlock; scan", {1, 0, 0, 0}},
    {"manifest: the same again", M, "w % eins; sum %; scan; w % eins; sum %; scan", {2, 0, 0, 0}},
    {"manifest: the same name, an old list",
     M,
     "w % eins; sum %; scan; w % eins; scan",
     {1, 0, 1, 0}},
    {"manifest: crash between both", M, "w % eins; sum %; claimonly %; crash; scan", {1, 0, 0, 0}},
    {"manifest: crash with both claimed", M, "w % eins; sum %; claim %; crash; scan", {1, 0, 0, 0}},
    {"manifest: crash, and half of another",
     M,
     "w % eins; sum %; claim %; w % zw; for % zwei; crash; scan",
     {1, 0, 2, 0}},
};

/* ---- names, under every rule ---- */

#define N50 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"

static const struct named {
    const char *what, *file;
    bool refused;
} names[] = {
    {"umlauts in NFC", "Stra\303\237e \303\204.txt", false},
    {"umlauts in NFD", "A\314\210rger.txt", false},
    {"blanks", "ein Brief an alle.txt", false},
    {"blanks at both ends", " brief ", false},
    {"a dot at the end", "brief.", false},
    {"quotes", "'a' \"b\" `c`.txt", false},
    {"something for a shell", "$(x) & y | z.txt", false},
    {"format letters", "100%%s%%n.txt", false},
    {"CON", "CON", false},
    {"aux.txt", "aux.txt", false},
    {"com1.xml", "com1.xml", false},
    {"NUL with two extensions", "nul.tar.gz", false},
    {"PRN and a blank", "PRN ", false},
    {"COM with a small number", "com\302\271", false},
    {"dots and blanks at the end", "brief. . ", false},
    {"what Windows forbids", "a<b>c:d\"e|f?g*h.txt", false},
    {"a backslash", "a\\b.txt", false},
    {"beyond the first plane", "\360\237\223\204.txt", false},
    {"turned reading direction", "a\342\200\256txt.exe", false},
    {"a hyphen in front", "-rf", false},
    {"no extension", "LIESMICH", false},
    {"240 bytes", N50 N50 N50 N50 "abcdefghijklmnopqrstuvwxyzabcdefghij.txt", false},
    {"not UTF-8", "M\374ller.txt", true},
    {"half a character at the end", "brief\303", true},
    {"a control character", "a\nb.txt", true},
    {"an escape sequence", "a\033[31mb.txt", true},
};

/* ---- writers that die ---- */

#define CONTENT "zwanzig Bytes genau."
#define OTHER "und b"

/* What a writer puts into out/, a byte with each step, and one more step to close each file. '%'
 * stands for the writer's own name, '$' as bytes for the manifest. */
struct piece {
    const char *name, *bytes;
};

static const struct killing {
    const char *name;
    enum spool_rule rule; /* under "rename" all is written below %.tmp, and a last step renames */
    bool folder;          /* '%' is one */
    bool stalls;          /* the writer does not die, but stands still with its file open */
    struct piece pieces[4];
} killings[] = {
    {"rename: killed at each byte", R, false, false, {{"%", CONTENT}}},
    {"rename: killed at each byte of a folder", R, true, false, {{"%/a", CONTENT}, {"%/b", OTHER}}},
    {"settled: killed at each byte", S, false, false, {{"%", CONTENT}}},
    {"settled: standing still at each byte", S, false, true, {{"%", CONTENT}}},
    {"settled: killed at each byte of a folder",
     S,
     true,
     false,
     {{"%/a", CONTENT}, {"%/b", OTHER}}},
    {"marker: killed at each byte", K, false, false, {{"%", CONTENT}, {"%.ready", "1"}}},
    {"marker: killed at each byte of a folder",
     K,
     true,
     false,
     {{"%/a", CONTENT}, {"%/b", OTHER}, {"%.ready", ""}}},
    {"manifest: killed at each byte", M, false, false, {{"%", CONTENT}, {"%.sha256", "$"}}},
    {"manifest: killed at each byte, the manifest first",
     M,
     false,
     false,
     {{"%.sha256", "$"}, {"%", CONTENT}}},
    {"manifest: killed at each byte of a folder",
     M,
     true,
     false,
     {{"%/a", CONTENT}, {"%/b", OTHER}, {"%.sha256", "$"}}},
    {"manifest: killed at each byte of a folder, the manifest first",
     M,
     true,
     false,
     {{"%.sha256", "$"}, {"%/a", CONTENT}, {"%/b", OTHER}}},
};

enum { WRITERS_MAX = 400, MANIFEST_SIZE = 512, WRITER_NAME = 32 };

/* One writer of a killing: it stops after so many steps. */
struct writer {
    const struct killing *k;
    int out;
    char file[WRITER_NAME], manifest[MANIFEST_SIZE];
    size_t stop;
    int open; /* of one that stalls */
};

static void manifest_make(struct writer *w)
{
    struct digest_value value;
    struct error err = {0};
    size_t len = 0;

    for (const struct piece *p = w->k->pieces; p->name != NULL; p++) {
        if (strcmp(p->bytes, "$") == 0)
            continue;
        assert_int_equal(
            digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), span_str(p->bytes), &value, &err),
            ST_OK);
        for (size_t i = 0; i < value.len; i++)
            len += (size_t)snprintf(w->manifest + len, 3, "%02x", value.bytes[i]);
        len += (size_t)snprintf(w->manifest + len, sizeof w->manifest - len, "  %s%s\n", w->file,
                                p->name + 1);
    }
}

static const char *bytes_of(const struct writer *w, const struct piece *p)
{
    return strcmp(p->bytes, "$") == 0 ? w->manifest : p->bytes;
}

static size_t steps_of(const struct writer *w)
{
    size_t steps = w->k->rule == R ? 1 : 0;

    for (const struct piece *p = w->k->pieces; p->name != NULL; p++)
        steps += strlen(bytes_of(w, p)) + 1;
    return steps;
}

/* One byte, or the end of the file. False: it did not work. */
static bool step_run(const struct writer *w, const struct piece *p, size_t i, int *fd)
{
    const char *bytes = bytes_of(w, p), *temp = w->k->rule == R ? ".tmp" : "";
    char name[2 * WRITER_NAME];

    (void)snprintf(name, sizeof name, "%s%s%s", w->file, temp, p->name + 1);
    if (*fd < 0)
        *fd = openat(w->out, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0660);
    if (*fd < 0)
        return false;
    if (bytes[i] != '\0')
        return write(*fd, bytes + i, 1) == 1;
    fd_drop(fd);
    return true;
}

/* From step at to before step stop, in a child or here; what is open stays so. */
static bool writer_run(struct writer *w, size_t at, size_t stop)
{
    char temp[WRITER_NAME + 8];
    size_t step = 0;

    (void)snprintf(temp, sizeof temp, "%s%s", w->file, w->k->rule == R ? ".tmp" : "");
    if (w->k->folder && stop > 0)
        (void)mkdirat(w->out, temp, 0770);
    for (const struct piece *p = w->k->pieces; p->name != NULL; p++)
        for (size_t i = 0; i <= strlen(bytes_of(w, p)); i++, step++) {
            if (step >= stop)
                return true;
            if (step >= at && !step_run(w, p, i, &w->open))
                return false;
        }
    return w->k->rule != R || step < at || step >= stop ||
           renameat(w->out, temp, w->out, w->file) == 0;
}

static void writer_killed(struct writer *w)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        if (!writer_run(w, 0, w->stop))
            _exit(1);
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* Can the system say who has a file open for writing? Each local file system can. */
static bool has_leases(int folder)
{
    AUTO(fd_drop) int writing = openat(folder, ".probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    AUTO(fd_drop) int reading = openat(folder, ".probe", O_RDONLY | O_CLOEXEC);
    struct error err = {0};
    bool has = writing >= 0 && gw_lock_check(reading, true, "", &err) != ST_OK;

    (void)unlinkat(folder, ".probe", 0);
    return has;
}

/* The first half of each writer, a look, the rest, and looks until nothing is to be awaited. */
static unsigned writers_play(struct spool_world *world, const struct killing *k, struct writer *all)
{
    int out = world->e[k->rule].out;
    size_t count = 1;

    for (size_t i = 0; i < count; i++) {
        struct writer *w = &all[i];

        *w = (struct writer){.k = k, .out = out, .stop = i, .open = -1};
        (void)snprintf(w->file, sizeof w->file, "w%zu", i);
        manifest_make(w);
        count = steps_of(w) + 1;
        assert_true(count <= WRITERS_MAX);
        if (k->stalls)
            assert_true(writer_run(w, 0, w->stop));
        else
            writer_killed(w);
    }
    for (int i = 0; i < (k->stalls ? 4 : 1); i++) {
        (void)spool_scan(world, k->rule);
        usleep(k->stalls ? 80 * 1000 : 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(writer_run(&all[i], all[i].stop, SIZE_MAX));
        fd_drop(&all[i].open);
    }
    spool_scan_until(world, k->rule);
    return (unsigned)count;
}

struct cases {
    struct spool_world world;
    unsigned writers;
};

/* group setup has made one world for all: they leave their folders empty */
static struct cases *cases_of(void)
{
    static struct cases *cases; /* cmocka's states of single tests are their rows */

    if (cases == NULL) {
        cases = calloc(1, sizeof *cases);
        assert_non_null(cases);
        spool_world_open(&cases->world);
    }
    return cases;
}

static void test_killing(void **state)
{
    const struct killing *k = *state;
    struct cases *c = cases_of();
    struct writer *all;
    unsigned count;
    size_t size = 0;

    if (k->stalls && !has_leases(c->world.e[k->rule].out))
        fail_msg("TMPDIR is on a file system without leases; a local one has them");
    all = calloc(WRITERS_MAX, sizeof *all);
    assert_non_null(all);
    for (const struct piece *p = k->pieces; p->name != NULL; p++)
        if (strcmp(p->bytes, "$") != 0 && strstr(p->name, ".ready") == NULL)
            size += strlen(p->bytes);
    count = writers_play(&c->world, k, all);
    free(all);
    c->writers += count;
    spool_settle_writers(&c->world, k->rule, count, size);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct spool_world *w = &cases_of()->world;

    spool_play(w, row->rule, row->script, "brief.txt");
    spool_settle_up(w, row->rule, &row->expect);
}

static void test_name(void **state)
{
    size_t i = (size_t)(uintptr_t)*state;
    const struct named *named = &names[i / SPOOL_RULES];
    enum spool_rule rule = (enum spool_rule)(i % SPOOL_RULES);
    const struct spool_expect expect = {!named->refused, named->refused, 0,
                                        named->refused ? GW_R_SPOOL_BAD_NAME : 0};
    struct spool_world *w = &cases_of()->world;

    spool_play(w, rule, "w % eins; done %; until", named->file);
    spool_settle_up(w, rule, &expect);
}

/* The longest name there can be: no marker or manifest can lie beside it. */
static void test_longest(void **state)
{
    enum spool_rule rule = (enum spool_rule)(uintptr_t)*state;
    bool alone = rule == SPOOL_RENAME || rule == SPOOL_SETTLED;
    const struct spool_expect expect = {.taken = alone, .left = !alone};
    struct spool_world *w = &cases_of()->world;
    char name[GW_NAME_SIZE];

    memset(name, 'x', GW_NAME_MAX);
    memcpy(name + GW_NAME_MAX - 6, "\303\274.txt", 6);
    name[GW_NAME_MAX] = '\0';
    spool_play(w, rule, "w % eins; until", name);
    spool_settle_up(w, rule, &expect);
}

static void test_longest_refused(void **state)
{
    const struct spool_expect expect = {.refused = 2, .reason = GW_R_SPOOL_NOT_A_FILE};
    struct spool_world *w = &cases_of()->world;
    char name[GW_NAME_SIZE];

    (void)state;
    memset(name, 'x', GW_NAME_MAX);
    name[GW_NAME_MAX] = '\0';
    spool_play(w, SPOOL_RENAME, "link %; scan; fifo %; scan", name);
    spool_settle_up(w, SPOOL_RENAME, &expect);
}

static int finish(void **state)
{
    struct cases *c = cases_of();

    print_message("%zu cases, %u killed writers: %u half-read, %u lost, %u read twice\n",
                  ARRAY_LEN(rows) + (ARRAY_LEN(names) + 1) * SPOOL_RULES + 1 + ARRAY_LEN(killings),
                  c->writers, c->world.half_read, c->world.lost, c->world.twice);
    spool_world_close(&c->world);
    free(c);
    return helper_crypto_teardown(state);
}

int main(void)
{
    enum {
        NAMES = ARRAY_LEN(names) * SPOOL_RULES,
        ALL = ARRAY_LEN(rows) + NAMES + SPOOL_RULES + 1 + ARRAY_LEN(killings)
    };
    static struct CMUnitTest tests[ALL];
    static char titles[NAMES][80], longest[SPOOL_RULES][32];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    for (size_t i = 0; i < NAMES; i++) {
        (void)snprintf(titles[i], sizeof titles[i], "%s: %s", spool_rule_names[i % SPOOL_RULES],
                       names[i / SPOOL_RULES].what);
        tests[n++] = (struct CMUnitTest){titles[i], test_name, NULL, NULL, (void *)(uintptr_t)i};
    }
    for (size_t i = 0; i < SPOOL_RULES; i++) {
        (void)snprintf(longest[i], sizeof longest[i], "%s: 255 bytes", spool_rule_names[i]);
        tests[n++] =
            (struct CMUnitTest){longest[i], test_longest, NULL, NULL, (void *)(uintptr_t)i};
    }
    tests[n++] =
        (struct CMUnitTest){"255 bytes, refused twice", test_longest_refused, NULL, NULL, NULL};
    for (size_t i = 0; i < ARRAY_LEN(killings); i++)
        tests[n++] = (struct CMUnitTest){killings[i].name, test_killing, NULL, NULL,
                                         (void *)(uintptr_t)&killings[i]};
    gw_worker_setup(2);
    return cmocka_run_group_tests_name("spool_matrix", tests, helper_crypto_setup, finish);
}
