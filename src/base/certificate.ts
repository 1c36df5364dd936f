/** Names a file of authorities that are trusted beside the machine's. */
export const authorityVariable = "NODE_EXTRA_CA_CERTS";

/** What helps where nobody that this machine trusts stands for a server. */
export const certificateHint =
  `Where its authority is your own: ${authorityVariable}=/path/of/authority.pem in the environment. Else look for which name the certificate is, and until when.`;

/** Whether a request was not sent since the server's certificate is not trusted. The runtimes word it differently. */
export function isOfCertificate(error: unknown): boolean {
  return [error, error instanceof Error ? error.cause : undefined].some((each) =>
    each instanceof Error &&
    /certificate|self.signed|ERR_TLS|UNABLE_TO_(?:GET|VERIFY)/i.test(
      `${each.message} ${(each as { readonly code?: unknown }).code}`,
    )
  );
}
