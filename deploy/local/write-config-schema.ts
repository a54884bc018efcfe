import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewayConfigSchema } from '#libs/runtime';
import { projectRoot } from './project-root.js';

// Editors read it for completion in modapi.yaml; a spec checks that it is up to date.
writeFileSync(join(projectRoot(), 'docs', 'modapi.schema.json'), `${JSON.stringify(gatewayConfigSchema(), null, 2)}\n`);
