import { createServer } from 'node:net';
import { createRequire } from 'node:module';

/** A server of S3's protocol on this machine, with one bucket. */
export interface S3Server {
  readonly url: string;
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  close(): Promise<void>;
}

interface S3rver {
  run(): Promise<unknown>;
  close(): Promise<void>;
}
type S3rverClass = new (options: object) => S3rver;

/** Starts s3rver on a folder; of a request's signature it looks at the key's name only. */
export async function startS3Server(folder: string): Promise<S3Server> {
  const S3rver = createRequire(import.meta.url)('s3rver') as S3rverClass;
  const port = await freePort();
  const bucket = 'modapi';
  const options = { address: '127.0.0.1', port, silent: true, directory: folder, configureBuckets: [{ name: bucket }] };
  const server = new S3rver(options);
  await server.run();
  return {
    url: `http://127.0.0.1:${port}`,
    bucket,
    // The one account that s3rver knows.
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    close: () => server.close(),
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
