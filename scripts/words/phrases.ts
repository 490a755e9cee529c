/** An unidiomatic phrase or a personification, and what to write instead. */
export interface Phrase {
  /** A regular expression that matches whole words. A space matches any gap, including line breaks and comment markers. */
  avoid: string;
  write: string;
}

/** The phrases to avoid in log lines, documents, comments and names of tests. */
export const PHRASES: readonly Phrase[] = [
  { avoid: '(?:is|are|was|were) not to be had', write: 'is not available' },
  { avoid: '(?:lie|lies|lay) ready', write: 'is ready' },
  { avoid: '(?:come|comes|came|coming) to (?:an|its|their) end', write: 'completed, ended' },
  { avoid: 'the word for (?:it|that|this|them|what)', write: 'the opt-in, the term' },
  { avoid: 'explicit word', write: 'explicit opt-in' },
  { avoid: '(?:stands?|stood) against', write: 'blocks' },
  { avoid: '(?:stands?|stood) in the way', write: 'blocks, prevents' },
  { avoid: 'set was its', write: 'Updated its …' },
  { avoid: '(?:to|be|been) let go of', write: 'retained, removed from the stack' },
  { avoid: 'let go of', write: 'retained, released' },
  { avoid: 'anew', write: 'again' },
  { avoid: 'perhaps (?:to be )?(?:to )?replaced?', write: 'may be replaced' },
  { avoid: 'watching on', write: 'retrying' },
  { avoid: 'wants? (?:0|no) tasks?', write: 'has the desired count 0' },
  { avoid: '(?:took|takes?|taken) the place of', write: 'replaced' },
  { avoid: '(?:had|has|have) ended already', write: 'had already ended' },
  { avoid: 'stopped where (?:it|they) (?:was|were)', write: 'Stopped …' },
  { avoid: 'as a task of its own', write: 'as a one-off task' },
  { avoid: 'answered without an?', write: 'returned no …' },
  { avoid: 'too dear', write: 'too expensive' },
  { avoid: '(?:ledger|action|stack|template|manifest) knows', write: 'records, contains' },
  { avoid: 'for want of', write: 'because … is missing' },
  { avoid: 'in vain', write: 'without success' },
  { avoid: 'asks nobody', write: 'needs no approval' },
  { avoid: 'nobody (?:says|said|knows|writes|wrote|asks|asked for it)', write: 'name what is missing' },
  { avoid: 'nothing says', write: 'name what is missing' },
  { avoid: 'knows nothing of', write: 'does not know' },
  { avoid: 'But then:', write: 'A later step failed:' },
  { avoid: 'within the timeout of [^.]{1,60} did not end', write: 'Timed out after … waiting for …' },
  { avoid: 'did not end (?:within|in time|with|as)', write: 'did not exit, did not finish' },
  { avoid: '(?:was|were|is|are) told to', write: 'name the call, or what it does' },
  { avoid: 'need not be told', write: 'does not have to be' },
  {
    avoid: '(?:is|are|was|were) said (?:once|first|to|so|here|there|too|beside)',
    write: 'is reported, is documented',
  },
  { avoid: 'what is (?:left|said|told) is told', write: 'is reported' },
  { avoid: 'what (?:comes|came) of (?:it|that|this|them)', write: 'the result' },
  { avoid: 'by the name of', write: 'named' },
  {
    avoid: 'whence|thence|hitherto|henceforth|thereof|therein|wherein|whereby|hereby|lest|thrice|unto',
    write: 'a word of today',
  },
  { avoid: 'ought (?:to|not)', write: 'should' },
  { avoid: 'shall', write: 'must, will' },
  { avoid: 'as it were|so to speak', write: 'nothing' },
  { avoid: 'is not valid: (?:valid|allowed)|allowed are', write: 'expected …, got "…"' },
  { avoid: 'does not come back', write: 'cannot be restored' },
  { avoid: 'with one another', write: 'with each other' },
  { avoid: 'let (?:it|them|dev|staging|prod|this|that) have', write: 'deploy … to …' },
];
