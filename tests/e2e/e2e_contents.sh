#!/bin/sh
# e2e_contents.sh BIN - a message of several files with two authors, two readers and a header of
# somebody else, through drop folders and through the command
set -eu
bin=$(cd "$1" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-contents.XXXXXX")
. "$(dirname "$0")/lib.sh"
stop_at_end
prepare

# Ahausen's bauamt signs with two keys of its own, and Beheim's deliveries have a second reader
sed -i -e '/^    folder: town-a\/bauamt/a\
    authors:\
      - {certificate: pki/intermediary-signature.pem, key: pki/intermediary-signature.key}\
      - {certificate: pki/town-b-signature.pem, key: pki/town-b-signature.key}' \
    -e '/^    cipher_certificate: pki\/town-b-cipher.pem/a\
    readers: [pki/intermediary-cipher.pem]' "$dir/town-a.yaml"
# Beheim must know whose signatures count for Ahausen
sed -i 's,signature_certificates: \[pki/town-a-signature.pem\],signature_certificates: [pki/town-b-signature.pem\, pki/intermediary-signature.pem],' \
    "$dir/town-b.yaml"
up intermediary town-b town-a

mkdir "$dir/akte"
cp "$samples/rechnung.xml" "$dir/akte/Antrag Müller.xml"
binary 200000 "$dir/akte/anlage.pdf"
printf '<?xml version="1.0"?>\n<m:MessageMetaData xmlns:m="http://www.osci.eu/ws/2014/10/transport"><!-- nicht mit -->\n <m:MsgSize>1</m:MsgSize>\n</m:MessageMetaData>\n' \
    >"$dir/meta.xml"
printf 'recipient: Stadt Beheim\n' >"$a_out/akte.meta.yaml"
cp "$dir/meta.xml" "$a_out/akte.meta.xml"
cp -r "$dir/akte" "$a_out/.akte"
mv "$a_out/.akte" "$a_out/akte"

wait_for arrived "$dir/akte/anlage.pdf" || die "the folder has not arrived"
arrived "$dir/akte/Antrag Müller.xml" || die "the XML in it has not arrived"
message=$(dirname "$(in_files verification.json)")
header=$message/MessageMetaData.xml
[ -s "$header" ] || die "the header has not arrived"
grep -q 'Id="MetaData"' "$header" || die "the header has no Id"
grep -q '<m:MsgSize>1</m:MsgSize>' "$header" || die "the header was changed"
grep -q '"kind": "header"' "$message/message.json" || die "message.json does not know the header"
[ "$(grep -c '"signature": "valid"' "$message/verification.json")" -eq 6 ] ||
    die "not two valid signatures of the container and of both contents"
grep -q '"encrypted": true' "$message/verification.json" || die "it was not in cipher"
sealed=$(find "$dir/town-a/state/payload" -name 'sealed-*')
[ "$(grep -o '<xenc:EncryptedKey>' "$sealed" | wc -l)" -eq 2 ] || die "not two readers"
[ -s "$(dirname "$a_out")/sent/$(ls "$(dirname "$a_out")/sent")/akte.meta.xml" ] ||
    die "the header was not moved to sent/"

# what came out goes in again and comes out the same
"$bin/depesche" send --config "$dir/town-a.yaml" --endpoint bauamt --to 'Stadt Beheim' \
    --header "$header" "$dir/akte/anlage.pdf" >/dev/null || die "send --header has failed"
again() {
    [ "$(in_files MessageMetaData.xml | wc -l)" -eq 2 ]
}
wait_for again || die "the second message has not arrived"
in_files MessageMetaData.xml | while read -r f; do
    cmp -s "$f" "$header" || die "the header was changed on its second way"
done

# a header that is none is refused, with the file it belongs to
printf '<ohne-namensraum/>' >"$a_out/b.dat.meta.xml"
drop "$dir/meta.xml" b.dat
refused=$(dirname "$a_out")/refused
wait_for test -s "$refused/b.dat.error.txt" || die "a header without namespace was taken"
wait_for test -e "$refused/b.dat.meta.xml" || die "the header still lies in out/"
echo "two authors, two readers, one header: twice"
