r"""The script that runs a check and writes its verdict, for any POSIX shell and nothing else.

It reads JSON by itself, strictly (RFC 8259 in ASCII): what it takes over is copied into ``verdict.json`` as it was
written, so what it takes for JSON has to be JSON. Compared with Python's reader in tests/components.

``$1`` gate, ``$2`` subject behind ``uri:``, ``$3`` the model's folder, ``$4`` the verdict's folder, ``$5`` seconds,
``$6`` the outcome of an exit code 0 without JSON, then the command. No ``$$`` and no ``$(NAME)``: Kubernetes rewrites
both.
"""

SCRIPT = r"""set -u
gate=$1 subject=${2#uri:} AMA_MODEL=$3 out=$4 seconds=$5 silent=$6
shift 6
AMA_RESULT=$out/result.json
export AMA_MODEL AMA_RESULT
: >"$out/stdout.txt" || exit 73

# Seconds since some time, in $now; empty where nobody tells. Beside the timer, for a command can end that.
clock() {
  now=
  if [ -r /proc/uptime ]; then IFS=' .' read -r now more </proc/uptime; else now=$(date +%s 2>/dev/null); fi
  case $now in '' | *[!0-9]*) now= ;; esac
}

clock
began=$now
"$@" >"$out/stdout.txt" &
check=$!
(
  trap 'kill "$nap" 2>/dev/null; exit 0' TERM
  sleep "$seconds" & nap=$!
  wait "$nap" && : >"$out/timed_out" && kill -KILL "$check"
) >/dev/null 2>&1 &
watch=$!
wait "$check" 2>/dev/null
code=$?
clock
late=
if [ -e "$out/timed_out" ]; then late=1; fi
if [ -n "$began" ] && [ -n "$now" ] && [ "$((now - began))" -gt "$seconds" ]; then late=1; fi
kill "$watch" 2>/dev/null
wait "$watch" 2>/dev/null

LC_ALL=C
export LC_ALL
nl='
'
tab='	'
cr=$(printf '\r')
signals= against= reasons= refused= undecided= asked= why=

# signal NAME SLICE OUTCOME VALUE BOUND REASON REQUIRED: all but OUTCOME and REQUIRED as JSON
signal() {
  signals="$signals${signals:+,}{\"bound\":$5,\"name\":$1,\"outcome\":\"$3\",\"reason\":$6,\"required\":$7"
  signals="$signals,\"slice\":$2,\"source\":\"$gate\",\"value\":$4}"
  if [ "$7" = true ]; then
    asked=1
    case $3 in not_blessed) refused=1 ;; unknown) undecided=1 ;; esac
    if [ "$3" != blessed ]; then
      against="$against${against:+,}$6"
      reasons="$reasons* ${6#?}"
      reasons="${reasons%?}$nl"
    fi
  fi
}

space() {
  while :; do
    case $rest in " "* | "$tab"* | "$nl"* | "$cr"*) rest=${rest#?} ;; *) break ;; esac
  done
}

string() {
  case $rest in \"*) rest=${rest#?} token= ;; *) return 1 ;; esac
  while :; do
    part=${rest%%[\"\\]*}
    if [ "$part" = "$rest" ]; then return 1; fi
    case $part in *[!\ -~]*) return 1 ;; esac
    token=$token$part rest=${rest#"$part"}
    case $rest in
      \"*) rest=${rest#?} token="\"$token\""; return 0 ;;
      '\u'[dD][89a-fA-F]*) return 1 ;;
      '\u'[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]*) after=${rest#??????} ;;
      '\"'* | '\\'* | '\/'* | '\b'* | '\f'* | '\n'* | '\r'* | '\t'*) after=${rest#??} ;;
      *) return 1 ;;
    esac
    token=$token${rest%"$after"} rest=$after
  done
}

number() {
  if [ "${#1}" -gt 24 ]; then return 1; fi
  n=${1#-}
  part=${n%%[!0-9]*}
  case $part in '' | 0?*) return 1 ;; esac
  n=${n#"$part"}
  case $n in
    .*) n=${n#.} part=${n%%[!0-9]*} n=${n#"$part"}; if [ -z "$part" ]; then return 1; fi ;;
  esac
  case $n in
    '') return 0 ;;
    [eE][+-]*) n=${n#??} ;;
    [eE]*) n=${n#?} ;;
    *) return 1 ;;
  esac
  case $n in [0-9] | [0-9][0-9]) return 0 ;; *) return 1 ;; esac
}

scalar() {
  case $rest in
    \"*) string ;;
    true*) token=true rest=${rest#true} ;;
    false*) token=false rest=${rest#false} ;;
    null*) token=null rest=${rest#null} ;;
    *) token=${rest%%[!0-9.eE+-]*}; number "$token" && rest=${rest#"$token"} ;;
  esac
}

# One object whose values are no objects and no lists; it becomes a signal.
object() {
  name="\"$gate\"" slice='""' outcome= value=null bound='""' reason= required=true seen=
  case $rest in \{*) rest=${rest#?} ;; *) why="it is no object"; return 1 ;; esac
  space
  case $rest in \}*) why="it has no outcome"; return 1 ;; esac
  while :; do
    space
    if ! string; then why="a key is no string in ASCII"; return 1; fi
    key=$token
    case $key in *\\*) why="a key has an escape in it"; return 1 ;; esac
    case $seen in *"$key"*) why="a key stands twice in it"; return 1 ;; esac
    seen=$seen$key
    space
    case $rest in :*) rest=${rest#?} ;; *) why="it is no JSON"; return 1 ;; esac
    space
    if ! scalar; then why="the value of $key is no text in ASCII, number, true, false or null"; return 1; fi
    field || return 1
    space
    case $rest in
      ,*) rest=${rest#?} ;;
      \}*) rest=${rest#?}; break ;;
      *) why="it is no JSON"; return 1 ;;
    esac
  done
  if [ -z "$outcome" ]; then why="it has no outcome"; return 1; fi
  signal "$name" "$slice" "$outcome" "$value" "$bound" "${reason:-\"the image says $outcome\"}" "$required"
}

field() {
  case $key:$token in
    '"outcome":"blessed"') outcome=blessed ;;
    '"outcome":"not_blessed"') outcome=not_blessed ;;
    '"outcome":"unknown"') outcome=unknown ;;
    '"required":true' | '"required":false') required=$token ;;
    '"name":""' | '"reason":""') ;;
    '"name":"'*) name=$token ;;
    '"slice":"'*) slice=$token ;;
    '"bound":"'*) bound=$token ;;
    '"reason":"'*) reason=$token ;;
    '"value":true' | '"value":false') why="its value is $token, no number or text"; return 1 ;;
    '"value":'*) value=$token ;;
    '"outcome":'*) why="its outcome is none of blessed, not_blessed, unknown"; return 1 ;;
    '"required":'* | '"name":'* | '"slice":'* | '"bound":'* | '"reason":'*) why="its $key is $token"; return 1 ;;
  esac
}

document() {
  rest=$1
  space
  case $rest in
    \{*\"signals\"*\[*)
      head=${rest%%\[*}
      head=${head#\{}
      squeezed=
      while [ -n "$head" ]; do
        case $head in " "* | "$tab"* | "$nl"* | "$cr"*) ;; *) squeezed=$squeezed${head%"${head#?}"} ;; esac
        head=${head#?}
      done
      if [ "$squeezed" != '"signals":' ]; then why="it has other keys than signals"; return 1; fi
      rest=${rest#*\[}
      while :; do
        space
        object || return 1
        space
        case $rest in ,*) rest=${rest#?} ;; \]*) rest=${rest#?}; break ;; *) why="it is no JSON"; return 1 ;; esac
      done
      space
      case $rest in \}*) rest=${rest#?} ;; *) why="it has other keys than signals"; return 1 ;; esac
      ;;
    *) object || return 1 ;;
  esac
  space
  if [ -n "$rest" ]; then why="something follows it"; return 1; fi
}

# The text of a file in $text, unless it is too long.
slurp() {
  text=
  while IFS= read -r line || [ -n "$line" ]; do
    text=$text$line$nl
    if [ "${#text}" -gt "$2" ]; then return 1; fi
  done <"$1"
}

# judge TEXT: its signals, or one that says why it cannot be read
judge() {
  before_signals=$signals before_against=$against before_reasons=$reasons
  before_refused=$refused before_undecided=$undecided
  if [ "${#1}" -gt 16384 ]; then why="it has more than 16384 characters"; fi
  if [ -n "$why" ] || ! document "$1"; then
    signals=$before_signals against=$before_against reasons=$before_reasons
    refused=$before_refused undecided=$before_undecided
    case $why in
      *[\"\\]*) why="a value in it is not understood" ;;
    esac
    signal '"result"' '""' unknown null '"a verdict in JSON"' "\"what it wrote cannot be read: $why\"" true
  fi
  why=
}

if [ -n "$late" ]; then
  signal '"exit_code"' '""' unknown null "\"<= $seconds s\"" "\"no answer within $seconds s\"" true
elif [ "$code" -eq 0 ]; then
  signal '"exit_code"' '""' blessed 0 '"== 0"' '"the image ended with exit code 0"' true
elif [ "$code" -lt 125 ]; then
  signal '"exit_code"' '""' not_blessed "$code" '"== 0"' "\"the image ended with exit code $code\"" true
else
  signal '"exit_code"' '""' unknown "$code" '"== 0"' "\"it could not be run, or was killed: exit code $code\"" true
fi

last= braces=
while IFS= read -r line || [ -n "$line" ]; do
  printf '%s\n' "$line"
  case $line in *\{*) braces=1 ;; esac
  if [ -n "${line%"$cr"}" ]; then last=$line; fi
done <"$out/stdout.txt"
said=
if [ "${#last}" -gt 16384 ]; then
  said=$braces
else
  rest=$last
  space
  case $rest in \{*) said=1 ;; esac
fi

if [ -e "$AMA_RESULT" ]; then
  slurp "$AMA_RESULT" 16384 || why="it has more than 16384 characters"
  judge "$text"
  # What it printed may be a log in JSON; what names an outcome counts beside the file.
  case $said:$last in 1:*outcome*) judge "$last" ;; esac
elif [ -n "$said" ]; then
  judge "$last"
elif [ "$code" -eq 0 ] && [ "$silent" = unknown ]; then
  signal '"result"' '""' unknown null '"a verdict in JSON"' '"it wrote no JSON"' true
elif [ -n "$braces" ]; then
  why="it is not its last line"
  judge ""
fi

verdict=blessed
if [ -n "$undecided" ]; then verdict=unknown; fi
if [ -n "$refused" ]; then verdict=not_blessed; fi

escaped=
rest=$subject
while :; do
  part=${rest%%[\"\\[:cntrl:]]*}
  escaped=$escaped$part
  if [ "$part" = "$rest" ]; then break; fi
  rest=${rest#"$part"}
  sign=${rest%"${rest#?}"}
  case $sign in
    \" | \\) escaped="$escaped\\$sign" ;;
    *) escaped=$escaped$(printf '\\u%04x' "'$sign") ;;
  esac
  rest=${rest#?}
done

printf '{"gate":"%s","outcome":"%s","reasons":[%s],"schema_version":1,"signals":[%s],"subject":"%s"}' \
  "$gate" "$verdict" "$against" "$signals" "$escaped" >"$out/verdict.json" || exit 73
printf '# %s: %s\n\nOf `%s`.\n\n%s' "$gate" "$verdict" "$subject" "$reasons" >"$out/verdict.md" || exit 73
printf 'verdict: %s\n' "$verdict"
"""
