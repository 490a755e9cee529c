import { createHash, generateKeyPairSync, type KeyPairKeyObjectResult, sign as signBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { initializeCA, initializeTLog, initializeTSA, tsaHandler } from '@sigstore/mock';
import { bundleToJSON } from '@sigstore/bundle';
import { X509Certificate } from '@sigstore/core';
import { DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } from '@sigstore/sign';

/** The claims of a job's token that Fulcio certifies. */
interface SignerClaims {
  iss: string;
  repository: string;
  ref: string;
  job_workflow_ref: string;
}

const CLAIMS: SignerClaims = {
  iss: 'https://token.actions.githubusercontent.com',
  repository: 'org/shop',
  ref: 'refs/heads/main',
  job_workflow_ref: 'org/shop/.github/workflows/build.yml@refs/heads/main',
};

/** A separate Sigstore instance on loopback: Fulcio, Rekor and a timestamp authority with @sigstore/mock. */
export interface Sigstore {
  url: string;
  /** The JSON of its trust root. */
  trustedRoot: string;
  /** Signs an in-toto statement. Returns the bundle as JSON. */
  sign(statement: object | string, options?: SignOptions): Promise<SignedBundle>;
  close(): Promise<void>;
}

interface SignOptions {
  claims?: Partial<SignerClaims>;
  /** Certified instead of the workflow in the claims. */
  identity?: string;
  payloadType?: string;
  tsa?: boolean;
  rekor?: boolean;
}

type SignedBundle = ReturnType<typeof bundleToJSON>;

/** @param options.certificates the time from which its certificates are valid; default, when they are issued. */
export async function startSigstore(options: { certificates?: Date } = {}): Promise<Sigstore> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = { ca: pair(), ct: pair(), log: pair(), tsa: pair() };
  const ca = await initializeCA(keys.ca, certificateLog(keys.ct), options.certificates);
  const tlog = await initializeTLog(url, keys.log);
  const tsa = inWholeSeconds(await initializeTSA(keys.tsa));
  const timestamps = tsaHandler(tsa);
  const routes: Record<
    string,
    (body: string) => Promise<{ statusCode: number; response: string | Buffer; contentType?: string }>
  > = {
    '/api/v2/signingCert': async (body) => {
      const { credentials, publicKeyRequest } = JSON.parse(body) as {
        credentials: { oidcIdentityToken: string };
        publicKeyRequest: { publicKey: { content: string } };
      };
      const payload = credentials.oidcIdentityToken.split('.')[1] ?? '';
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as SignerClaims & {
        san?: string;
      };
      const certificate = await ca.issueCertificate({
        publicKey: derOf(publicKeyRequest.publicKey.content),
        subjectAltName: claims.san ?? `https://github.com/${claims.job_workflow_ref}`,
        // https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
        extensions: [
          { oid: '1.3.6.1.4.1.57264.1.8', value: claims.iss },
          { oid: '1.3.6.1.4.1.57264.1.12', value: `https://github.com/${claims.repository}` },
          { oid: '1.3.6.1.4.1.57264.1.14', value: claims.ref },
        ],
      });
      const certificates = [certificate, ca.rootCertificate].map(pemOf);
      const response = JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates } } });
      return { statusCode: 201, response, contentType: 'application/json' };
    },
    '/api/v1/log/entries': async (body) => {
      const response = JSON.stringify(await tlog.log(canonicalEntry(body)));
      return { statusCode: 201, response, contentType: 'application/json' };
    },
    [timestamps.path]: timestamps.fn,
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void answer(request, response, routes);
  });
  const publicKey = (key: KeyPairKeyObjectResult) => {
    const der = key.publicKey.export({ type: 'spki', format: 'der' });
    return {
      publicKey: {
        rawBytes: der.toString('base64'),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        validFor: { start: '2020-01-01T00:00:00Z' },
      },
      logId: { keyId: createHash('sha256').update(der).digest('base64') },
    };
  };
  const authority = (certificates: Buffer[]) => ({
    subject: { organization: 'sigstore.mock', commonName: 'mock' },
    uri: url,
    certChain: { certificates: certificates.map((one) => ({ rawBytes: one.toString('base64') })) },
    validFor: { start: '2020-01-01T00:00:00Z' },
  });
  const trustedRoot = JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [{ baseUrl: url, hashAlgorithm: 'SHA2_256', ...publicKey(keys.log) }],
    ctlogs: [{ baseUrl: url, hashAlgorithm: 'SHA2_256', ...publicKey(keys.ct) }],
    certificateAuthorities: [authority([ca.rootCertificate])],
    timestampAuthorities: [authority([tsa.intCertificate, tsa.rootCertificate])],
  });
  return {
    url,
    trustedRoot,
    sign: async (
      statement,
      { claims, identity, payloadType, tsa: stamped = false, rekor: logged = true } = {},
    ) => {
      const token = [
        { alg: 'none' },
        { sub: 'x', ...CLAIMS, ...claims, ...(identity !== undefined && { san: identity }) },
      ]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      const builder = new DSSEBundleBuilder({
        signer: new FulcioSigner({
          fulcioBaseURL: url,
          identityProvider: { getToken: () => Promise.resolve(`${token}.`) },
        }),
        witnesses: [
          ...(logged ? [new RekorWitness({ rekorBaseURL: url, entryType: 'dsse' })] : []),
          ...(stamped ? [new TSAWitness({ tsaBaseURL: url })] : []),
        ],
      });
      const data = Buffer.from(typeof statement === 'string' ? statement : JSON.stringify(statement));
      return bundleToJSON(
        await builder.create({ data, type: payloadType ?? 'application/vnd.in-toto+json' }),
      );
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * Timestamps in whole seconds, like those of Sigstore's timestamp authority, which is written in Go. DER omits the
 * zeros at the end of a fraction (X.690, 11.7.2), and @sigstore/core supports only fractions of three digits, so it
 * refuses one in ten timestamps in milliseconds.
 *
 * @see https://github.com/golang/go/blob/master/src/encoding/asn1/marshal.go (appendTimeCommon)
 * @see https://github.com/sigstore/sigstore-js/blob/main/packages/core/src/asn1/parse.ts (RE_TIME_LONG_YEAR)
 */
function inWholeSeconds<T extends object>(authority: T): T {
  return Object.assign(authority, {
    getCurrentTime: () => new Date(Math.floor(Date.now() / 1000) * 1000),
  });
}

/**
 * The entry that Rekor stores for a proposed one. @sigstore/mock stores the proposed one.
 *
 * @see https://github.com/sigstore/rekor/blob/main/pkg/types/dsse/v0.0.1/entry.go (Canonicalize)
 */
function canonicalEntry(body: string): object {
  const { apiVersion, kind, spec } = JSON.parse(body) as {
    apiVersion: string;
    kind: string;
    spec: { proposedContent: { envelope: string; verifiers: string[] } };
  };
  const { envelope, verifiers } = spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as { payload: string; signatures: { sig: string }[] };
  const hash = (bytes: Buffer) => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });
  return {
    apiVersion,
    kind,
    spec: {
      envelopeHash: hash(Buffer.from(envelope)),
      payloadHash: hash(Buffer.from(payload, 'base64')),
      signatures: signatures.map(({ sig }, index) => ({ signature: sig, verifier: verifiers[index] })),
    },
  };
}

/**
 * A certificate transparency log. That of @sigstore/mock does not sign with pkijs 3.3 and later.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6962#section-3.2
 */
function certificateLog({ publicKey, privateKey }: KeyPairKeyObjectResult) {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const logID = createHash('sha256').update(der).digest();
  return {
    publicKey: der,
    logID,
    log: (certificate: ArrayBuffer, issuerID: ArrayBuffer): Promise<ArrayBuffer> => {
      const entry = X509Certificate.parse(Buffer.from(certificate)).tbsCertificate.toDER();
      const time = Buffer.alloc(8);
      time.writeBigUInt64BE(BigInt(Date.now()));
      const [version, signatureType, extensions] = [Buffer.of(0), Buffer.of(0), Buffer.of(0, 0)];
      const entryType = Buffer.of(0, 1);
      const signed = Buffer.concat([
        version,
        signatureType,
        time,
        entryType,
        new Uint8Array(issuerID),
        bigEndian(entry.length, 3),
        entry,
        extensions,
      ]);
      const signature = signBytes('sha256', signed, privateKey);
      const [sha256, ecdsa] = [Buffer.of(4), Buffer.of(3)];
      const parts = [
        version,
        logID,
        time,
        extensions,
        sha256,
        ecdsa,
        bigEndian(signature.length, 2),
        signature,
      ];
      const timestamp = Buffer.concat(parts);
      const sized = Buffer.concat([bigEndian(timestamp.length, 2), timestamp]);
      return Promise.resolve(new Uint8Array(sized).buffer);
    },
  };
}

function bigEndian(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Record<
    string,
    (body: string) => Promise<{ statusCode: number; response: string | Buffer; contentType?: string }>
  >,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const route = routes[request.url ?? ''];
  if (!route) {
    response.writeHead(404).end();
    return;
  }
  const { statusCode, response: body, contentType } = await route(Buffer.concat(chunks).toString());
  response.writeHead(statusCode, { 'content-type': contentType ?? 'text/plain' }).end(body);
}

function pair(): KeyPairKeyObjectResult {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

function pemOf(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64');
}
