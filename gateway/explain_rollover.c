/* Our own reasons about rollover and the calendar of certificates. */
#include "gateway/explain_table.h"

const struct gw_explain gw_explain_rollover[] = {
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
};

const size_t gw_explain_rollover_count = ARRAY_LEN(gw_explain_rollover);
