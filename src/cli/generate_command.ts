import { dirname, join, relative, resolve } from "node:path";
import { type Decisions, type OpenQuestions, openQuestions, unanswered } from "../core/decisions.ts";
import { type Fill, parseFills } from "../core/fills.ts";
import { parseRenames, type RenameCandidate, type Renames } from "../core/renames.ts";
import { readCreationTime, readRevisionId, readRevisionName } from "../core/revision_name.ts";
import type { DrizzleEngine } from "../run/drizzle_engine.ts";
import type { NewRevision, RevisionRequest } from "../run/generate.ts";
import type { ProjectPart, ProjectPaths } from "../run/read_project.ts";
import type { App } from "./app.ts";
import type { Outcome } from "./command.ts";
import type { GenerateValues } from "./generate_options.ts";
import { proofSettings } from "./proof_settings.ts";

/** A developer's folder, read, and what drizzle-kit makes of it. */
export interface OpenProject {
  /** Of the revision that is asked for. */
  readonly name: string;
  readonly paths: ProjectPaths;
  readonly engine: DrizzleEngine;
  readonly parts: readonly ProjectPart[];
}

/** Reads schema.ts and the histories for a revision of that name. */
export async function openProject(app: App, name: string, schema: string | undefined): Promise<OpenProject> {
  const [{ loadDrizzleEngine }, { readProject }] = await Promise.all([
    import("../run/drizzle_engine.ts"),
    import("../run/read_project.ts"),
  ]);
  const checked = readRevisionName(name);
  const paths = projectPaths(app, schema);
  const engine = await loadDrizzleEngine();
  return { name: checked, paths, engine, parts: await readProject(paths, engine) };
}

/** Drafts a revision of what changed in schema.ts, proves it, writes it and says what was done. */
export async function generateRevision(
  app: App,
  { command, name, parts, paths, engine, options }: OpenProject & {
    /** As it is named in errors: `generate "Add settings"`. */
    readonly command: string;
    readonly options: GenerateValues;
  },
): Promise<Outcome> {
  const { draftRevision } = await import("../run/generate.ts");
  const decisions = await readDecisions(app, parts, { command, options });
  const revision = await draftRevision(parts, { ...revisionRequest(name, options), decisions }, engine);
  return await writeRevision(app, { revision, paths, proveUrl: options.proveUrl });
}

/** Returns what the command line says about a new revision. */
export function revisionRequest(name: string, { revId, createdAt }: GenerateValues): RevisionRequest {
  return {
    name,
    id: revId === undefined ? null : readRevisionId(revId),
    createdAt: createdAt === undefined ? null : readCreationTime(createdAt),
    now: () => new Date(),
  };
}

/** Proves a drafted revision, writes it and says what was done. */
export async function writeRevision(
  app: App,
  { revision, paths, proveUrl }: {
    readonly revision: NewRevision;
    readonly paths: ProjectPaths;
    readonly proveUrl: string | undefined;
  },
): Promise<Outcome> {
  const { report, system, lockWaitMs } = app;
  const [{ filesOf }, { proveChanges }, { writeTogether }] = await Promise.all([
    import("../run/generate.ts"),
    import("../run/prove_new.ts"),
    import("../run/write_together.ts"),
  ]);
  const changes = filesOf(paths.dir, revision);
  const proven = await proveChanges(paths.dir, changes, await proofSettings(app, proveUrl));
  await writeTogether(paths.dir, changes, { client: system.client, waitMs: lockWaitMs });

  const files = changes.filter(({ before }) => before === null).map(({ path }) => join(paths.dir, path));
  const { id, name, parent, parts } = revision;
  report.line(`${report.colors.green("wrote")} revision ${id}  ${name}`);
  for (const file of files) report.line(`  ${relative(system.cwd, file)}`);
  const notes = parts.flatMap(({ dialect, scripts }) => scripts.notes.map((text) => ({ dialect, text })));
  for (const { dialect, text } of notes) report.line(`${dialect}: ${text}`);
  const losses = {
    upgrade: distinct(parts.flatMap(({ scripts }) => scripts.losses.upgrade)),
    downgrade: distinct(parts.flatMap(({ scripts }) => scripts.losses.downgrade)),
  };
  for (const direction of ["upgrade", "downgrade"] as const) {
    const text = losses[direction].join(" ");
    if (text !== "") report.line(report.colors.yellow(`${direction}: ${text}`));
  }
  const unproven = parts.map(({ dialect }) => dialect).filter((dialect) => !proven.includes(dialect));
  report.line(`proven up, down and up again: ${proven.join(" and ")}`);
  if (unproven.length > 0) {
    report.line(`not run: ${unproven.join(" and ")} (name a server: --prove-url postgresql://…)`);
  }
  return {
    json: {
      changed: true,
      revision: { revision: id, name, parent, createdAt: new Date(revision.createdAt).toISOString() },
      files,
      notes,
      losses,
      proven,
      unproven,
    },
  };
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

/** Returns where the developer's files are: `--dir`, else `drizzle/` in the working directory. */
export function projectPaths({ settings, system }: App, schema: string | undefined): ProjectPaths {
  const dir = resolve(system.cwd, settings.dir ?? "drizzle");
  return { dir, schemaFile: resolve(system.cwd, schema ?? join(dirname(dir), "schema.ts")) };
}

/** Reads what was decided on the command line, and asks for the rest where there is somebody to ask. */
export async function readDecisions(
  app: App,
  parts: readonly ProjectPart[],
  { command, options }: {
    readonly command: string;
    readonly options: {
      readonly rename: readonly string[];
      readonly noRename: boolean;
      readonly fill: readonly string[];
    };
  },
): Promise<Decisions> {
  let decisions: Decisions = {
    renames: parseRenames(options.rename),
    dropped: options.noRename ? "all" : [],
    fills: parseFills(options.fill),
  };
  for (;;) {
    const open = openQuestions(parts, decisions);
    if (open.renames.length + open.fills.length === 0) return decisions;
    if (!app.system.isInteractive) throw unanswered(command, open);
    decisions = await answer(app, open, decisions);
  }
}

async function answer(
  app: App,
  { renames, fills }: OpenQuestions,
  decisions: Decisions,
): Promise<Decisions> {
  const [candidate] = renames;
  if (candidate === undefined) {
    const values = new Map(decisions.fills);
    for (const fill of fills) values.set(`${fill.table}.${fill.column}`, await askFill(app, fill));
    return { ...decisions, fills: values };
  }
  const { table, gone } = candidate;
  const to = await askRename(app, candidate);
  // Once something is kept as a drop, the question must not come again.
  if (to === null) {
    return { ...decisions, dropped: [...decisions.dropped === "all" ? [] : decisions.dropped, candidate] };
  }
  const known: Renames = table === null
    ? { ...decisions.renames, tables: [...decisions.renames.tables, { from: gone, to }] }
    : { ...decisions.renames, columns: [...decisions.renames.columns, { table, from: gone, to }] };
  return { ...decisions, renames: known };
}

async function askRename({ system }: App, { table, gone, added }: RenameCandidate): Promise<string | null> {
  const prefix = table === null ? "" : `${table}.`;
  const lines = [
    `${prefix}${gone} is gone from schema.ts. What became of it?`,
    ...added.map((name, index) => `  ${index + 1}  it is called ${prefix}${name} now`),
    `  ${added.length + 1}  it is dropped, with what it holds`,
  ];
  for (;;) {
    const text = await system.ask(`${lines.join("\n")}\n[1-${added.length + 1}] `);
    const choice = Number(text.trim());
    if (choice >= 1 && choice <= added.length) return added[choice - 1]!;
    if (choice === added.length + 1) return null;
  }
}

async function askFill({ system }: App, { table, column }: Fill): Promise<string> {
  for (;;) {
    const text = await system.ask(
      `${table}.${column} must not be empty. What do the rows that exist get, as SQL ('text', 0, another_column)? `,
    );
    if (text.trim() !== "") return text.trim();
  }
}
