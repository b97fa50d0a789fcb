/* Our own reasons about trust, keys and algorithms, from 11300 on. */
#include "gateway/explain_table.h"

const struct gw_explain gw_explain_certs[] = {
    {GW_R_CONFIG_TOKEN, GW_SIDE_US, "'{key}': {value} nennt nichts in einem Token: {detail}.",
     "'{key}': {value} names nothing in a token: {detail}.",
     "So schreiben: 'pkcs11:token=NAME;object=NAME', dazu module und passphrase_file; was im Token "
     "ist, zeigt p11tool oder pkcs11-tool --list-objects.",
     "Write it so: 'pkcs11:token=NAME;object=NAME', with module and passphrase_file; p11tool or "
     "pkcs11-tool --list-objects show what is in the token."},
    {GW_R_TOKEN_MODULE, GW_SIDE_US, "Die Bibliothek des Tokens ist nicht verwendbar: {detail}.",
     "The token's library cannot be used: {detail}.",
     "Prüfen, ob module die PKCS#11-Bibliothek des Herstellers nennt und der Dienst sie lesen "
     "darf.",
     "Check that module names the maker's PKCS#11 library and that the service may read it."},
    {GW_R_TOKEN_MISSING, GW_SIDE_US, "Das Token mit dem Schlüssel ist nicht da: {detail}.",
     "The token with the key is not there: {detail}.",
     "Das Token einstecken oder das HSM wieder erreichbar machen; danach geht es von selbst "
     "weiter.",
     "Plug the token in, or make the HSM reachable again; then things go on by themselves."},
    {GW_R_TOKEN_PIN, GW_SIDE_US, "Das Token nimmt die PIN nicht an: {detail}.",
     "The token does not take the PIN: {detail}.",
     "Die richtige PIN in die Datei schreiben, die passphrase_file nennt; vorher wird dieselbe "
     "nicht "
     "noch einmal versucht.",
     "Write the right PIN into the file that passphrase_file names; the same one is not tried "
     "again "
     "before that."},
    {GW_R_TOKEN_LOCKED, GW_SIDE_US, "Die PIN des Tokens ist gesperrt oder kurz davor: {detail}.",
     "The token's PIN is locked, or about to be: {detail}.",
     "Das Token mit den Werkzeugen des Herstellers entsperren und die PIN dort einmal richtig "
     "eingeben; Depesche verbraucht den letzten Versuch nicht.",
     "Unlock the token with its maker's tools and enter the right PIN there once; Depesche does "
     "not "
     "use up the last try."},
    {GW_R_TOKEN_OBJECT, GW_SIDE_US, "Das Token hat den Schlüssel so nicht: {detail}.",
     "The token does not have the key like this: {detail}.",
     "Mit pkcs11-tool --list-objects --login ansehen, wie der Schlüssel heißt und was er darf, und "
     "key berichtigen.",
     "See with pkcs11-tool --list-objects --login what the key is called and what it may do, and "
     "correct key."},
    {GW_R_TOKEN_MECHANISM, GW_SIDE_US, "Das Token kann nicht, was gebraucht wird: {detail}.",
     "The token cannot do what is needed: {detail}.",
     "CKM_RSA_X_509 im Token freischalten oder ein Token verwenden, das es hat.",
     "Allow CKM_RSA_X_509 in the token, or use a token that has it."},
    {GW_R_TOKEN_FAILED, GW_SIDE_US, "Das Token hat nicht geantwortet, wie es soll: {detail}.",
     "The token has not answered as it should: {detail}.",
     "depesche doctor fragt es noch einmal; hilft das nicht, das Protokoll des Herstellers "
     "ansehen.",
     "depesche doctor asks it again; if that does not help, look at its maker's log."},
    {GW_R_KEYS_AWAY, GW_SIDE_US,
     "Der Schlüsselprozess dieses Gateways (depesched-keys) arbeitet gerade nicht: {detail}.",
     "The key process of this gateway (depesched-keys) does not work at present: {detail}.",
     "Er wird von selbst neu gestartet, und was wartet, geht dann weiter; dauert es an, im "
     "Protokoll "
     "unter keys.ended nachsehen, woran er endet.",
     "It is started anew by itself, and what waits goes on then; if it lasts, see in the log, at "
     "keys.ended, what it ends with."},
    {GW_R_KEYS_CHANGED, GW_SIDE_US,
     "Die Dateien eines Schlüssels dieses Gateways haben sich seit dem Start geändert: {detail}.",
     "The files of a key of this gateway have changed since the start: {detail}.",
     "Die Dateien in Ordnung bringen und mit depesche reload übernehmen.",
     "Put the files in order, and take them over with depesche reload."},
    {GW_R_CONFIG_NEXT, GW_SIDE_US,
     "{key}: Was ablöst, muss nach der Zeit geordnet sein, das Früheste zuerst.",
     "{key}: what takes over must be in the order of its time, the earliest first.",
     "Die Einträge ordnen und was am selben Tag beginnt in einem nennen; danach depesche "
     "check-config laufen lassen.",
     "Put the entries in order, with what begins on one day in one entry; then run depesche "
     "check-config."},
    {GW_R_CONFIG_NEEDED, GW_SIDE_US,
     "Den Schlüssel zu {subject} brauchen noch {count} ungelesene Nachrichten: {detail}.",
     "The key of {subject} is still needed by {count} unread messages: {detail}.",
     "Das Paar unter older_ciphers eintragen, bis die Nachrichten abgeholt sind, dann erneut neu "
     "laden.",
     "List the pair under older_ciphers until the messages have been fetched, then reload again."},
    {GW_R_LIST_OUTDATED, GW_SIDE_CERTIFICATES, "Die Sperrliste von {subject} galt nur bis {until}.",
     "The revocation list of {subject} was good until {until} only.",
     "Nachsehen, warum im Ordner trust.crls keine neuere liegt.",
     "Find out why there is no newer one in the folder trust.crls."},
    {GW_R_CALENDAR_MAIL, GW_SIDE_US,
     "Der Brief über ablaufende Zertifikate kommt nicht zu {recipient}: {detail}.",
     "The letter about certificates that end does not get to {recipient}: {detail}.",
     "Den Mailserver und das Ziel unter targets prüfen; jede Stunde wird es erneut versucht.",
     "Check the mail server and the target among targets; it is tried again every hour."},
    {GW_R_STATUS_SILENT, GW_SIDE_CERTIFICATES,
     "Ob ein Zertifikat gesperrt ist, sagt gerade niemand: {detail}.",
     "Nobody says at present whether a certificate is revoked: {detail}.",
     "Es geht von selbst weiter, sobald eine Antwort kommt; dauert es an, den Weg zum "
     "Auskunftsdienst "
     "prüfen (Firewall, revocation.proxy) oder seinen Betreiber fragen.",
     "It goes on by itself once there is an answer; if it lasts, check the way to the responder "
     "(firewall, revocation.proxy), or ask who runs it."},
    {GW_R_STATUS_ANSWER, GW_SIDE_CERTIFICATES,
     "Die Auskunft, ob ein Zertifikat gesperrt ist, gilt nicht: {detail}.",
     "What is said about whether a certificate is revoked does not count: {detail}.",
     "Es wird von selbst wieder gefragt; den Betreiber des Auskunftsdienstes oder den Aussteller "
     "darauf hinweisen.",
     "It is asked again by itself; tell whoever runs the responder, or the issuer."},
    {GW_R_STATUS_OLD, GW_SIDE_CERTIFICATES,
     "Die Auskunft, ob ein Zertifikat gesperrt ist, ist abgelaufen oder gilt noch nicht: {detail}.",
     "What is said about whether a certificate is revoked is outdated, or not valid yet: {detail}.",
     "Es wird von selbst wieder gefragt; die Uhr dieses Rechners prüfen, sonst den Betreiber des "
     "Auskunftsdienstes darauf hinweisen.",
     "It is asked again by itself; check the clock of this machine, else tell whoever runs the "
     "responder."},
    {GW_R_STATUS_UNKNOWN, GW_SIDE_CERTIFICATES,
     "Der Auskunftsdienst kennt ein Zertifikat nicht: {detail}.",
     "The responder does not know a certificate: {detail}.",
     "Den Besitzer des Zertifikats fragen; womöglich ist es nie freigeschaltet worden.",
     "Ask the owner of the certificate; perhaps it was never activated."},
    {GW_R_STATUS_SOURCE, GW_SIDE_CERTIFICATES,
     "Niemand kann gefragt werden, ob ein Zertifikat gesperrt ist: {detail}.",
     "Nobody can be asked whether a certificate is revoked: {detail}.",
     "Eine Sperrliste seines Ausstellers in trust.crls legen, oder nach Prüfung für diesen Zweck "
     "revocation.when_unknown: pass einstellen.",
     "Put a list of its issuer into trust.crls, or, after due consideration, set "
     "revocation.when_unknown: pass for this purpose."},
    {GW_R_STATUS_PASSED, GW_SIDE_NOBODY,
     "Ob ein Zertifikat gesperrt ist, sagte niemand, und die Einstellungen lassen das zu: "
     "{detail}.",
     "Nobody said whether a certificate is revoked, and the settings allow that: {detail}.",
     "Nichts; soll so etwas warten, revocation.when_unknown: hold einstellen.",
     "Nothing; if such a thing is to wait, set revocation.when_unknown: hold."},
    {GW_R_CONFIG_ALGORITHMS, GW_SIDE_US,
     "'{key}': {path} ist keine Datei mit Fristen von Algorithmen: {detail}.",
     "'{key}': {path} is no file with dates of algorithms: {detail}.",
     "Die Zeile berichtigen; so muss es aussehen: /usr/share/depesche/algorithms.conf.",
     "Correct the line; /usr/share/depesche/algorithms.conf shows how it must look."},
    {GW_R_ALGORITHM_ENDS, GW_SIDE_US,
     "{name} ({kind}), womit wir schreiben, ist nur bis {until} erlaubt.",
     "{name} ({kind}), with which we write, is allowed until {until} only.",
     "Vorher eine Version einspielen, die mit Nachfolgern schreibt, oder nach Prüfung die Frist in "
     "security.algorithms verlängern.",
     "Install a version that writes with successors before that, or, after due consideration, "
     "prolong the date in security.algorithms."},
    {GW_R_CONFIG_TRUST_EMPTY, GW_SIDE_US,
     "'{key}' nennt niemanden: hierfür wird keinem einzigen Zertifikat vertraut.",
     "'{key}' names nobody: no certificate at all is believed for this.",
     "Aussteller (authorities) oder einzelne Zertifikate (pinned) eintragen, oder den Block "
     "streichen, damit gilt, was weiter außen steht.",
     "Name issuers (authorities) or single certificates (pinned), or remove the block, so that "
     "what is said further out holds."},
    {GW_R_CONFIG_TRUST_EXPIRED, GW_SIDE_US,
     "'{key}': {subject} in {path} ist am {until} abgelaufen, und was davon abhängt, wird "
     "abgelehnt.",
     "'{key}': {subject} in {path} expired on {until}, and what depends on it is refused.",
     "Den Nachfolger eintragen und den abgelaufenen entfernen.",
     "Enter its successor and remove the one that has expired."},
    {GW_R_CONFIG_TRUST_NEVER, GW_SIDE_US,
     "'{key}': dem Zertifikat in {path} kann hier nie vertraut werden: {detail}.",
     "'{key}': the certificate in {path} can never be believed here: {detail}.",
     "Seinen Aussteller in den genannten Speicher eintragen oder es dort festlegen (pinned); ein "
     "engerer Speicher gilt anstelle des weiteren, nicht neben ihm.",
     "Enter its issuer into the store that is named, or pin it there; a narrower store holds in "
     "place of the wider one, not beside it."},
};

const size_t gw_explain_certs_count = ARRAY_LEN(gw_explain_certs);
