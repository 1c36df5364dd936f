import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { initial } from "./application.ts";
import { projectFile } from "../project.ts";

/** The revision that {@link writeSecondRevision} adds to the application's first. */
export const second = "000000000002";

/** What the second revision does; without `down` it has no way back. */
export interface SecondRevision {
  readonly up: string;
  readonly down?: string;
}

/** Writes a history for both dialects: the application's first revision, and one that changes no schema. */
export async function writeSecondRevision(drizzle: string, { up, down }: SecondRevision): Promise<void> {
  for (const dialect of ["sqlite", "postgresql"]) {
    const from = (path: string) => projectFile(`drizzle/${dialect}/${path}`);
    const to = join(drizzle, dialect);
    await mkdir(join(to, "meta"), { recursive: true });
    const journal = JSON.parse(await readFile(from("meta/_journal.json"), "utf8"));
    const [first] = journal.entries;
    journal.entries = [first, { ...first, idx: 1, tag: `${second}_second` }];
    await writeFile(join(to, "meta/_journal.json"), JSON.stringify(journal));
    await cp(from(`${first.tag}.sql`), join(to, `${first.tag}.sql`));
    const snapshot = JSON.parse(await readFile(from(`meta/${initial}_snapshot.json`), "utf8"));
    await writeFile(join(to, `meta/${initial}_snapshot.json`), JSON.stringify(snapshot));
    const next = { ...snapshot, id: second, prevId: snapshot.id };
    await writeFile(join(to, `meta/${second}_snapshot.json`), JSON.stringify(next));
    await writeFile(join(to, `${second}_second.sql`), up);
    if (down !== undefined) await writeFile(join(to, `${second}_second.down.sql`), down);
  }
}
