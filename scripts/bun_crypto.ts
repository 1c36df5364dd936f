import type { Buffer as NodeBuffer } from "node:buffer";
import type { webcrypto } from "node:crypto";

/** What postgres.js needs of `node:crypto` to give a password, from what the binary's runtime has at hand. */

interface Hasher {
  update(data: string | Uint8Array): Hasher;
  digest(encoding?: "hex"): string | NodeBuffer;
}

// Globals, since their modules take time to load.
declare const Buffer: typeof NodeBuffer;
declare const crypto: webcrypto.Crypto;
declare const process: NodeJS.Process;
declare const Bun: { readonly CryptoHasher: new (algorithm: string, key?: string | Uint8Array) => Hasher };

export function createHash(algorithm: string): Hasher {
  return new Bun.CryptoHasher(algorithm);
}

export function createHmac(algorithm: string, key: string | Uint8Array): Hasher {
  return new Bun.CryptoHasher(algorithm, key);
}

export function randomBytes(size: number): NodeBuffer {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(size)));
}

/** Promises what Node's gives at once; postgres.js waits for either. */
export async function pbkdf2Sync(
  password: string,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(password);
  try {
    const key = await crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
    return Buffer.from(await crypto.subtle.deriveBits(how, key, 256));
  } catch {
    // Not every runtime derives from an empty password.
    return process.getBuiltinModule("node:crypto").pbkdf2Sync(bytes, salt, iterations, 32, "sha256");
  }
}
