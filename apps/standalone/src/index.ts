/** The data folder, also that of a cluster on one machine. */
export { type DataDirectory, openDataDirectory, type Secrets } from './data-directory.js';
/** What a start prints when it is ready. */
export { welcomeText } from './welcome.js';
