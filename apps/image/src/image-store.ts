/** What the store is told of an image. */
export interface StoredImage {
  readonly contentType: string;
  readonly organizationId: string;
  readonly expiresAt: Date;
}

/** Where images lie that are answered by URL: files of the gateway's own, under signed links that expire. */
export interface ImageStore {
  /** Resolves with the name that the image is found under. */
  put(bytes: Uint8Array, image: StoredImage): Promise<string>;
  /** The URL of a name for callers; `mediaUrl` ends with a slash. */
  link(mediaUrl: string, name: string, expiresAt: Date): string;
}

/** OpenAI's links live as long. */
export const linkSeconds = 3600;
