#!/bin/sh
# A subscriber of Cordon's alerts in the shell: JSON Lines over curl, resumed by the cursor.
#
#   API=http://127.0.0.1:8080 TOKEN=… subscriber.sh CURSOR_FILE
#
# Each event is handled, then its cursor is kept: after a crash the last one may come again, and
# none is left out. Replace the body of `handle` by what you want to do with an event.
set -eu

: "${API:?where the API is, such as http://127.0.0.1:8080}" "${TOKEN:?a token of role viewer}"
cursor_file=${1:?the file that keeps the cursor}

# The token goes into a file of our own, since everybody may see the arguments of a command.
umask 077
folder=$(mktemp -d)
mkfifo "$folder/lines"
printf 'Authorization: Bearer %s\n' "$TOKEN" >"$folder/header"
curl_pid='' reader_pid=''

leave() {
    # Either may have ended by itself already.
    kill $curl_pid $reader_pid 2>/dev/null || :
    rm -rf "$folder"
}
trap leave EXIT
trap 'exit 143' TERM INT

handle() {
    printf '%s\n' "$1"
}

keep() {
    cursor=$(printf '%s\n' "$1" | sed -n 's/.*"cursor":"\([^"]*\)".*/\1/p')
    if [ -n "$cursor" ]; then
        printf '%s\n' "$cursor" >"$cursor_file.new"
        mv "$cursor_file.new" "$cursor_file"
    fi
}

follow() {
    while IFS= read -r line; do
        if [ -n "$line" ]; then
            handle "$line"
            keep "$line"
        fi
    done
}

while :; do
    cursor=$(cat "$cursor_file" 2>/dev/null || :)
    # Something comes every 15 s; a connection that is silent for 45 s is dead.
    curl -sSN --fail --speed-limit 1 --speed-time 45 -H "@$folder/header" \
        "$API/v1/alerts/stream.jsonl${cursor:+?last_event_id=$cursor}" >"$folder/lines" &
    curl_pid=$!
    follow <"$folder/lines" &
    reader_pid=$!
    # Both run beside the shell, which can hear a signal only while it waits.
    wait "$reader_pid"
    sleep 1
done
