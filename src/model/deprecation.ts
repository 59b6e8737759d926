/** What is told to whoever asks for something that is to go. Nothing happens by itself when its time has come. */
export interface Deprecation {
  readonly at: Date
  readonly sunset: Date
}
