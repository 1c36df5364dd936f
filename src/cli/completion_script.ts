import type { Command } from "./command.ts";
import { globalOptions } from "./global_options.ts";
import { longName } from "./options.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = typeof shells[number];

/** Returns a script that completes commands and options; it is made of the same data as `--help`. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](commands);
}

function optionsOf(command: Command): readonly string[] {
  return Object.values({ ...command.options, ...globalOptions }).map((option) => `--${longName(option)}`);
}

function bashScript(commands: readonly Command[]): string {
  const cases = commands.map((each) => `    ${each.name}) words="${optionsOf(each).join(" ")}" ;;`);
  return `_harbor_db() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    *) words="${commands.map((each) => each.name).join(" ")} help --help --version" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${
    commands.map((each) => each.name).join(" ")
  } help --help --version"; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _harbor_db harbor-db
`;
}

function zshScript(commands: readonly Command[]): string {
  const list = commands.map((each) => `    '${each.name}:${each.summary.replaceAll("'", "’")}'`);
  const cases = commands.map((each) => `    ${each.name}) compadd -- ${optionsOf(each).join(" ")} ;;`);
  return `#compdef harbor-db
_harbor_db() {
  local -a commands=(
${list.join("\n")}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case "$words[2]" in
${cases.join("\n")}
  esac
}
compdef _harbor_db harbor-db
`;
}

function fishScript(commands: readonly Command[]): string {
  const lines = commands.flatMap((each) => [
    `complete -c harbor-db -f -n __fish_use_subcommand -a ${each.name} -d '${
      each.summary.replaceAll("'", "’")
    }'`,
    ...optionsOf(each).map((option) =>
      `complete -c harbor-db -f -n '__fish_seen_subcommand_from ${each.name}' -l ${option.slice(2)}`
    ),
  ]);
  return `${lines.join("\n")}\n`;
}
