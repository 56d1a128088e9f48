/** Several who may know a credential, asked in order. */
import { DomainError, isDomainError, type TokenVerifier } from '@switchboard/core';

/** The first who knows the token answers. Anything but `unauthenticated` ends the search: an expired token is no one else's. */
export function createVerifierChain(verifiers: readonly TokenVerifier[]): TokenVerifier {
  return {
    async verify(namespace, token) {
      let refusal: unknown = new DomainError('unauthenticated', 'Nobody is asked about tokens', { subject: 'session' });
      for (const verifier of verifiers) {
        try {
          return await verifier.verify(namespace, token);
        } catch (error) {
          if (!isDomainError(error) || error.code !== 'unauthenticated') throw error;
          refusal = error;
        }
      }
      throw refusal;
    },
  };
}
