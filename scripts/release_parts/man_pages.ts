import type { Command } from "../../src/cli/command.ts";
import { globalOptions } from "../../src/cli/global_options.ts";
import { environmentName, type Option, type Options } from "../../src/cli/options.ts";
import { exitCodes } from "../../src/commands/exit_codes.ts";
import type { Release } from "./release.ts";

/** Returns the name of a command's page: `harbor-db-backup-list`. */
export function pageName({ name }: Command): string {
  return `harbor-db-${name.replaceAll(" ", "-")}`;
}

/** Returns the man page of the program. Source: man(7), man-pages(7) */
export function mainPage(commands: readonly Command[], release: Release): string {
  return page("harbor-db", release, [
    ["NAME", [`harbor-db \\- ${escaped(lower(release.description))}`]],
    ["SYNOPSIS", ["\\fBharbor-db\\fR [\\fIoptions\\fR] \\fICOMMAND\\fR"]],
    ["DESCRIPTION", [escaped(`${release.description}.`)]],
    ["COMMANDS", commands.flatMap((command) => item(bold(command.name), command.summary))],
    ["OPTIONS", options(globalOptions)],
    ["ENVIRONMENT", [escaped("Every option has a variable too: --lock-wait is HARBOR_DB_LOCK_WAIT.")]],
    ["EXIT STATUS", exitCodes.flatMap(([code, meaning]) => item(bold(String(code)), meaning))],
    ["SEE ALSO", [commands.map((command) => `\\fB${escaped(pageName(command))}\\fR(1)`).join(", ")]],
  ]);
}

/** Returns the man page of a command. */
export function pageOf(command: Command, release: Release): string {
  const { name, summary, description, examples } = command;
  const args = command.arguments ?? [];
  const synopsis = [
    bold(`harbor-db ${name}`),
    "[\\fIoptions\\fR]",
    ...args.map((each) => escaped(each.name)),
  ];
  return page(pageName(command), release, [
    ["NAME", [`${escaped(pageName(command))} \\- ${escaped(summary)}`]],
    ["SYNOPSIS", [synopsis.join(" ")]],
    ["DESCRIPTION", [escaped(description ?? `${summary}.`)]],
    ["ARGUMENTS", args.flatMap((each) => item(bold(each.name), each.summary))],
    ["OPTIONS", options(command.options)],
    ["EXAMPLES", examples.flatMap(({ line, does }) => item(bold(`harbor-db ${line}`), does))],
    ["SEE ALSO", ["\\fBharbor-db\\fR(1), for the options that all commands take and the exit status"]],
  ]);
}

type Section = readonly [heading: string, lines: readonly string[]];

function page(title: string, { version, epoch }: Release, sections: readonly Section[]): string {
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  const head = `.TH ${escaped(title.toUpperCase())} 1 ${date} "harbor-db ${version}" "User Commands"`;
  const body = sections.filter(([, lines]) => lines.length > 0)
    .flatMap(([heading, lines]) => [`.SH ${heading}`, ...lines]);
  return `${[head, ...body].join("\n")}\n`;
}

function options(given: Options): readonly string[] {
  return Object.values(given).flatMap((option) => item(bold(option.flags), explained(option)));
}

/** Returns what an option means, with its variable. */
function explained(option: Option<unknown>): string {
  return `${option.summary} [${environmentName(option)}]`;
}

function item(term: string, meaning: string): readonly string[] {
  return [".TP", term, escaped(meaning)];
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

/** Returns text for roff: a backslash, a dash that is pasted, and what would begin a line as a request. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(?=[.'])/gm, "\\&");
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
