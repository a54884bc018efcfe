import type { Provider } from '@nestjs/common';
import { LOGGER, StartError } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import type { IngressEnv } from '../config.js';
import { FORM_READER } from '../inference/intake.js';
import { FormIntake } from './form-intake.js';
import { UploadFolder } from './upload-folder.js';
import { spaceLimits } from './upload-space.js';

type UploadEnv = Pick<IngressEnv, 'MODAPI_UPLOAD_DIR' | 'MODAPI_UPLOAD_SPACE_MB'>;

/** What receives forms; `idleMs` is how long a sender may be silent. */
export function uploadProviders(env: UploadEnv, idleMs: number): Provider[] {
  const { MODAPI_UPLOAD_DIR: parent, MODAPI_UPLOAD_SPACE_MB: megabytes } = env;
  return [
    {
      provide: UploadFolder,
      inject: [LOGGER],
      useFactory: (logger: Logger) => openFolder(parent, logger),
    },
    {
      provide: FORM_READER,
      inject: [UploadFolder, LOGGER],
      useFactory: (folder: UploadFolder, logger: Logger) =>
        new FormIntake(folder, logger, { idleMs }, { ...spaceLimits, processBytes: megabytes * 1024 ** 2 }),
    },
  ];
}

async function openFolder(parent: string | undefined, logger: Logger): Promise<UploadFolder> {
  const onTrouble = (error: Error): void => logger.error({ error }, 'the upload folder could not be kept');
  try {
    return await UploadFolder.open(parent, { onTrouble });
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    const where = path ?? parent ?? 'the temporary folder';
    throw new StartError([`cannot keep uploads in ${where} (${code}): set MODAPI_UPLOAD_DIR to a folder of our own`]);
  }
}
