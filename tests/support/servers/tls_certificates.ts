import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** Files of an authority, and of a server whose certificate it signed for `localhost` only. */
export interface Certificates {
  readonly authority: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  /** An authority that signed nothing. */
  readonly stranger: string;
}

/** Makes certificates for an hour's tests with OpenSSL. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  for (const name of ["authority", "stranger"]) {
    await openssl(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      file(`${name}.key`),
      "-out",
      file(`${name}.pem`),
      "-days",
      "1",
      "-subj",
      `/CN=${name}`,
    );
  }
  await openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    file("server.key"),
    "-out",
    file("server.pem"),
    "-days",
    "1",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost",
    "-addext",
    "basicConstraints=critical,CA:FALSE",
    "-CA",
    file("authority.pem"),
    "-CAkey",
    file("authority.key"),
  );
  return {
    authority: file("authority.pem"),
    serverCertificate: file("server.pem"),
    serverKey: file("server.key"),
    stranger: file("stranger.pem"),
  };
}

async function openssl(...args: readonly string[]): Promise<void> {
  await promisify(execFile)("openssl", [...args]);
}
