import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./postgres_engines.ts";
import { withOwnedPostgres } from "./postgres_role.ts";

/** A database whose owner means harm. */
export interface Attacked {
  /** The owner's address. */
  readonly url: string;
  /** A superuser's. */
  readonly adminUrl: string;
  /** A role's that may act as the owner, and make roles and databases: what services give instead of a superuser. */
  readonly hostUrl: string;
  readonly owner: string;
  /** The body of a function in plpgsql that does what only a superuser may do, and is quiet when it may not. */
  readonly attack: string;
  /** The file that it makes on the server. */
  readonly proof: string;
  /** Whether anything ran it as a superuser since this was last asked. */
  hasRun(): Promise<boolean>;
}

/** Runs `work` with a database whose owner means harm. */
export async function withAttacker(
  version: 15 | 18,
  work: (attacked: Attacked) => Promise<void>,
): Promise<void> {
  // The server runs as another user, whom the folder of a test run keeps from making files in it.
  const folder = await mkdtemp(join(tmpdir(), "harbor_attack_"));
  await chmod(folder, 0o777);
  const proof = join(folder, "ran");
  // COPY … TO PROGRAM works in a read-only transaction too.
  const attack = `BEGIN COPY (SELECT 1) TO PROGRAM 'touch ${proof}'; EXCEPTION WHEN OTHERS THEN NULL; END`;
  const hasRun = async () => {
    const found = existsSync(proof);
    await rm(proof, { force: true });
    return found;
  };
  try {
    await withOwnedPostgres(
      version,
      "",
      async ({ url, adminUrl, role }) => {
        const host = `${role}_host`;
        await run(
          adminUrl,
          `CREATE ROLE ${host} LOGIN PASSWORD 'owner secret/2' CREATEROLE CREATEDB; GRANT ${role} TO ${host}`,
        );
        try {
          const hostUrl = url.replace(`//${role}:`, `//${host}:`);
          await work({ url, adminUrl, hostUrl, owner: role, attack, proof, hasRun });
        } finally {
          // The database may give its sessions another role.
          await run(adminUrl, `SET ROLE NONE; DROP OWNED BY ${host}; DROP ROLE ${host}`);
        }
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
