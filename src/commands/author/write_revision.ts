import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { readCreationTime, readRevisionId, readRevisionName } from "../../history/revision_name.ts";
import { hostWords } from "../../history/host.ts";
import type { DrizzleEngine } from "../../author/project/drizzle_engine.ts";
import type { NewRevision, RevisionRequest } from "../../author/generate.ts";
import type { ProjectPart, ProjectPaths } from "../../author/project/read_project.ts";
import type { WriteOptions } from "../../author/writing/write_together.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { refuseForeignSchema, refuseUnlessUsable } from "../../cli/find_project.ts";
import type { GenerateValues } from "./generate_options.ts";
import { readDecisions } from "./generate_questions.ts";
import { proofSettings, tellNotRun } from "./proof_settings.ts";
import { lockPath, stateFolder } from "../verify/state_folder.ts";

/** A developer's folder, read, and what drizzle-kit makes of it. */
export interface OpenProject {
  /** Of the revision that is asked for. */
  readonly name: string;
  readonly paths: ProjectPaths;
  readonly engine: DrizzleEngine;
  readonly parts: readonly ProjectPart[];
}

/** Reads schema.ts and the histories for a revision of that name. */
export async function openProject(
  app: App,
  name: string,
  { schema }: { readonly schema: string | undefined },
): Promise<OpenProject> {
  const [{ loadDrizzleEngine }, { readProject }] = await Promise.all([
    import("../../author/project/drizzle_engine.ts"),
    import("../../author/project/read_project.ts"),
  ]);
  const checked = readRevisionName(name);
  app.report.event({ kind: "doing", text: "comparing schema.ts with the history" });
  const paths = projectPaths(app, schema);
  await (await import("../../author/writing/write_together.ts")).finishInterrupted(
    paths.dir,
    writeOptions(app, paths.dir),
  );
  const engine = await loadDrizzleEngine();
  const parts = await readProject(paths, engine);
  for (const name of parts.flatMap(({ leftRoles = [] }) => leftRoles)) {
    const text =
      `the role ${name} stays, which schema.ts names no more: all databases of the server have it. DROP ROLE where none needs it`;
    app.report.event({ kind: "note", text });
  }
  if (parts.some(({ isChanged }) => isChanged)) {
    const { refuseMisfits } = await import("../../author/project/modules/type_check.ts");
    for (const file of [paths.schemaFile, ...paths.moreFiles ?? []]) refuseMisfits(file);
  }
  return { name: checked, paths, engine, parts };
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
  const [{ draftRevision }, { parseAllowances }, { decide }, { refuseUncastable }] = await Promise.all([
    import("../../author/generate.ts"),
    import("../../author/allow_hazards.ts"),
    import("../../author/rules/change/decisions.ts"),
    import("../../author/refuse_uncastable.ts"),
  ]);
  const allowances = parseAllowances(options.allow);
  const decisions = await readDecisions(app, parts, { command, options });
  // A hand can write how it is to be done.
  if (!options.writeUnproven) {
    for (const part of parts) refuseUncastable(command, decide(part, decisions).up);
  }
  const revision = await draftRevision(
    parts,
    { ...revisionRequest(name, options), decisions, allowances },
    engine,
  );
  return await writeRevision(app, { revision, paths, options });
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
  { revision, paths, options }: {
    readonly revision: NewRevision;
    readonly paths: ProjectPaths;
    readonly options: GenerateValues;
  },
): Promise<Outcome> {
  const { report, system } = app;
  report.event({ kind: "doing", text: "running the scripts up, down and up again" });
  const [{ filesOf }, { checkNewRevision }, { emptyText }, { groundWords }, { writeTogether }] = await Promise
    .all([
      import("../../author/generate.ts"),
      import("../../author/check/new_revision.ts"),
      import("../../author/proof/prove.ts"),
      import("../../author/proof/ground.ts"),
      import("../../author/writing/write_together.ts"),
    ]);
  const drafted = filesOf(paths.dir, revision);
  const proof = await proofSettings(app, options.proveUrl);
  const { proven, starts, hosts, grounds, empty, failed, hazards } = await checkNewRevision(drafted, {
    parts: revision.parts,
    dir: paths.dir,
    cwd: system.cwd,
    proof,
    mayFail: options.writeUnproven,
  });
  const changes = failed.size === 0 ? drafted : filesOf(paths.dir, revision, [...failed.keys()]);
  await writeTogether(paths.dir, changes, writeOptions(app, paths.dir));

  const files = changes.filter(({ before }) => before === null).map(({ path }) => join(paths.dir, path));
  const { id, name, parent, parts } = revision;
  const notes = parts.flatMap(({ dialect, scripts }) => scripts.notes.map((text) => ({ dialect, text })));
  const losses = {
    upgrade: distinct(parts.flatMap(({ scripts }) => scripts.losses.upgrade)),
    downgrade: distinct(parts.flatMap(({ scripts }) => scripts.losses.downgrade)),
  };
  const unproven = parts.map(({ dialect }) => dialect).filter((dialect) => !proven.includes(dialect));
  const unread = unproven.filter((dialect) => !failed.has(dialect));

  report.line(`${report.colors.green("wrote")} revision ${id}  ${name}`);
  for (const file of files) report.line(`  ${relative(system.cwd, file)}`);
  for (const { dialect, text } of notes) report.line(`${dialect}: ${text}`);
  for (const direction of ["upgrade", "downgrade"] as const) {
    const said = parts.map(({ dialect, scripts }) => [dialect, scripts.losses[direction].join(" ")] as const);
    const isOne = new Set(said.map(([, text]) => text)).size === 1;
    for (const [dialect, text] of isOne ? said.slice(0, 1) : said) {
      const head = isOne ? direction : `${direction} on ${dialect}`;
      if (text !== "") report.line(report.colors.magenta(`${head}: ${text}`));
    }
  }
  for (const { status, message, hint } of hazards) {
    report.line(`${report.colors.magenta(status === "pass" ? "accepted:" : "hazard:")} ${message}`);
    if (hint !== null) report.line(`  ${report.colors.bold(report.remedy(hint))}`);
  }
  if (proven.length > 0) report.line(`proven up, down and up again, on rows: ${proven.join(" and ")}`);
  const from = startsText(starts[0]?.revisions.slice(0, -1) ?? [], parent);
  if (from !== null) report.line(from);
  for (const host of hosts) report.line(hostWords(host));
  for (const { dialect, ...ground } of grounds) {
    report.line(report.colors.magenta(`${dialect}: ${groundWords(ground)}`));
  }
  const notRun = tellNotRun(app, proof);
  for (const { dialect, ...each } of empty) {
    report.line(report.colors.magenta(`${dialect}: proven without rows in ${emptyText(each)}`));
  }
  for (const [dialect, error] of failed) {
    report.line(report.colors.red(`${dialect}: not proven: ${error.message}`));
  }
  if (failed.size > 0) {
    report.line(
      "SHA256SUMS leaves these files out, and check fails until they are proven: edit them, then: harbor-db check --prove --accept-edits",
    );
  }
  if (unread.length > 0) {
    report.line(`read, but not run: ${unread.join(" and ")} (name a server: --prove-url postgresql://…)`);
  }
  const createdAt = new Date(revision.createdAt).toISOString();
  return {
    json: {
      changed: true,
      revision: { revision: id, name, parent, createdAt },
      files,
      notes,
      losses,
      hazards,
      proven,
      starts,
      hosts,
      grounds,
      notRun,
      empty,
      unproven,
      failed: [...failed].map(([dialect, error]) => ({ dialect, ...error.toJSON() })),
    },
  };
}

/** Says from where head was reached in one go: from one end of the history, and from the revisions before the parent. */
function startsText([first, ...others]: readonly string[], parent: string | null): string | null {
  if (first === undefined) return null;
  const more = others.length === 0
    ? ""
    : others.length === 1
    ? `, and from ${others[0]}`
    : `, and from each of the ${others.length} revisions before ${parent}`;
  return `reached in one go from ${first}${more}`;
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

/** Returns how files of a history are written: one harbor-db at a time. */
export function writeOptions({ system, lockWaitMs }: App, dir: string): WriteOptions {
  return { lock: lockPath(stateFolder(system), "history", dir), waitMs: lockWaitMs, signal: system.signal };
}

/**
 * Returns where the developer's files are: `--dir`, else the project's, else `drizzle/` in the working directory; and
 * the schema that is named, else the config's, else `schema.ts` beside the history.
 *
 * @param schema `null` when it is not run
 * @throws {HarborError} `unsafe_path` for what another user wrote, unless the command line names it
 */
export function projectPaths(
  { historyDir, project, settings, system }: App,
  schema: string | null | undefined,
): ProjectPaths {
  const dir = historyDir() ?? join(system.cwd, "drizzle");
  const beside = join(dirname(dir), "schema.ts");
  const own = settings.dir !== undefined && existsSync(beside) ? null : project();
  const [first = beside, ...moreFiles] = schema == null ? own?.schema ?? [] : [schema];
  const schemaFile = resolve(system.cwd, first);
  if (settings.dir === undefined && existsSync(dir)) refuseUnlessUsable(dir);
  if (schema === undefined && !(settings.dir !== undefined && schemaFile === beside)) {
    for (const file of [schemaFile, ...moreFiles]) refuseForeignSchema(file, own?.configFile ?? null);
  }
  return {
    dir,
    schemaFile,
    moreFiles,
    said: { dialect: own?.config?.dialect, casing: own?.config?.casing },
    runCode: system.schemaHost.run,
  };
}
