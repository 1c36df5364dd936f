export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = typeof shells[number];

/**
 * The scripts of the shells. None knows a command: each asks `harbor-db complete` with the words up to the cursor, and
 * gets a line for each word that may stand there, with its meaning behind a tab. `:files` and `:folders` are for the
 * shell, which completes paths by its own rules.
 */
export const completionScripts: Readonly<Record<Shell, string>> = {
  bash: `_harbor_db() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default 2>/dev/null ;;
      :folders) compopt -o dirnames 2>/dev/null ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${1/#\\~\\//$HOME/}" complete bash "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
}
complete -F _harbor_db harbor-db
`,
  // zsh loads a file of that name at the first press of Tab, which is then to be answered.
  zsh: `#compdef harbor-db
_harbor-db() {
  local line paths tab=$'\\t'
  local -a candidates
  while IFS= read -r line; do
    case $line in
      :files) paths=_files ;;
      :folders) paths='_files -/' ;;
      *) candidates+=("\${\${line//:/\\\\:}/$tab/:}") ;;
    esac
  done < <("\${words[1]/#\\~\\//$HOME/}" complete zsh "\${(@Q)words[2,CURRENT]}" 2>/dev/null </dev/null)
  (( $#candidates )) && _describe -V harbor-db candidates && return
  [[ -n $paths ]] || return
  compset -P '--*='
  \${=paths}
}
compdef _harbor-db harbor-db
if (( $+compstate )); then _harbor-db "$@"; fi
`,
  fish: `function __harbor_db
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    for line in (command $words[1] complete fish $words[2..-1] "$token" 2>/dev/null </dev/null)
        switch $line
            case :files :folders
                set -l flag (string match -r -- '^--[^=]*=' "$token")
                set -l path (string replace -r -- '^--[^=]*=' '' "$token")
                if test $line = :files
                    __fish_complete_path "$path" | string replace -r -- '^' "$flag"
                else
                    __fish_complete_directories "$path" '' | string replace -r -- '^' "$flag"
                end
            case '*'
                echo $line
        end
    end
end
complete -c harbor-db -f -k -a '(__harbor_db)'
`,
};
