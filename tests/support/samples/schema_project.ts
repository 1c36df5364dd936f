import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withFolder } from "../databases.ts";
import { projectFile } from "../project.ts";
import { runCli, type RunOptions, type RunResult } from "../run_cli.ts";

/** A folder as a developer has it: schema.ts and drizzle/, and no node_modules. */
export interface SchemaProject {
  readonly cwd: string;
  /** Changes a text in schema.ts. */
  edit(from: string, to: string): Promise<void>;
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  /** Returns the texts of all files in `drizzle/`, by path. */
  files(): Promise<Readonly<Record<string, string>>>;
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** Runs `work` in a folder with this project's schema and history, all of which is released. */
export async function withSchemaProject<T>(work: (project: SchemaProject) => Promise<T>): Promise<T> {
  return await withFolder(async (cwd) => {
    await cp(projectFile("drizzle"), join(cwd, "drizzle"), { recursive: true });
    await cp(projectFile("schema.ts"), join(cwd, "schema.ts"));
    return await work(openProject(cwd));
  });
}

/** {@link withSchemaProject} with nothing that says that it is released, so that all of it is judged and proven, which takes twice as long. */
export async function withUnreleasedProject<T>(work: (project: SchemaProject) => Promise<T>): Promise<T> {
  return await withSchemaProject(async (project) => {
    await rm(join(project.cwd, "drizzle/BASELINE"), { force: true });
    return await work(project);
  });
}

/** Returns a folder's handle. */
export function openProject(cwd: string): SchemaProject {
  const read = (path: string) => readFile(join(cwd, path), "utf8");
  const write = (path: string, text: string) => writeFile(join(cwd, path), text);
  return {
    cwd,
    read,
    write,
    async edit(from, to) {
      const text = await read("schema.ts");
      if (!text.includes(from)) throw new Error(`schema.ts has no "${from}"`);
      await write("schema.ts", text.replace(from, to));
    },
    async files() {
      const entries = await readdir(join(cwd, "drizzle"), { recursive: true, withFileTypes: true });
      const paths = entries.filter((entry) => entry.isFile()).map((entry) =>
        join(entry.parentPath, entry.name)
      );
      const texts = paths.sort().map(async (path) =>
        [path.slice(cwd.length + "/drizzle/".length), await readFile(path, "utf8")] as const
      );
      return Object.fromEntries(await Promise.all(texts));
    },
    run: (args, options = {}) => runCli(args, { ...options, cwd }),
  };
}
