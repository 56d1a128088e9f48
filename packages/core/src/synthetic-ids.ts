/**
 * Ids by which a wire names whoever has none there: computed from the core id, kept nowhere. Such an id names somebody; it never makes,
 * links or becomes anybody. Knows the forms that adapters declare, not the wires.
 */
import type { Log } from './context.ts';
import { DomainError, type ErrorSubject } from './errors.ts';
import { MAX_SEQUENCE_ID, type Namespace } from './ids.ts';

/** How one wire computes ids for whoever has none there. */
export interface SyntheticIds {
  /** The id that names the core object. */
  toExternal(coreId: number): string;
  /** The core id inside a synthetic id; null when the text is not of that form. */
  toCore(externalId: string): number | null;
  /** The setting that moves the range, for the operator who reads the log. */
  readonly setting?: string;
}

/** Which ids of its own a wire can show: what is not of this form would name nobody there. */
export interface OwnIds {
  isValid(externalId: string): boolean;
  /** What an id must be, for whoever gave another one: `a whole number from 1 to 10`. */
  readonly expected: string;
}

/** `base` + core id, in decimal. */
export function numericSyntheticIds(base: number, setting?: string): SyntheticIds {
  return {
    toExternal: (coreId) => String(base + coreId),
    toCore(externalId) {
      if (!/^[0-9]{1,16}$/.test(externalId)) return null;
      const coreId = Number(externalId) - base;
      return coreId >= 1 && coreId <= MAX_SEQUENCE_ID ? coreId : null;
    },
    ...(setting === undefined ? {} : { setting }),
  };
}

/** The forms of all namespaces, as their adapters declared them. */
export interface SyntheticForms {
  declare(namespace: Namespace, form: SyntheticIds, own?: OwnIds): void;
  of(namespace: Namespace): SyntheticIds | undefined;
  /**
   * `invalid` for what cannot be anybody's own id: with reason `synthetic`, and a line in the log, for one that only names somebody; with
   * reason `form` for one that the wire cannot show.
   */
  refuse(namespace: Namespace, externalId: string, form?: SyntheticIds): void;
}

/** `about`: what carries the ids, and where a command has them. */
export function createSyntheticForms(
  log: Log,
  about: { readonly subject: ErrorSubject; readonly fieldOf: (namespace: Namespace) => string },
): SyntheticForms {
  const { subject, fieldOf } = about;
  const forms = new Map<Namespace, SyntheticIds>();
  const ownForms = new Map<Namespace, OwnIds>();

  function refuseForm(namespace: Namespace, externalId: string): void {
    const own = ownForms.get(namespace);
    if (!own || own.isValid(externalId)) return;
    const { expected } = own;
    throw new DomainError('invalid', `No id of ${namespace}`, {
      subject,
      field: fieldOf(namespace),
      reason: 'form',
      expected,
    });
  }

  return {
    declare(namespace, form, own) {
      forms.set(namespace, form);
      if (own) ownForms.set(namespace, own);
    },
    of: (namespace) => forms.get(namespace),
    refuse(namespace, externalId, form = forms.get(namespace)) {
      if (!form || form.toCore(externalId) === null) return refuseForm(namespace, externalId);
      const setting = form.setting ?? `the range of synthetic ids of ${namespace}`;
      log(
        'warn',
        `an id of ${namespace} lies in the range of computed ids and was refused; see the setting ${setting}`,
        {
          namespace,
          externalId,
          setting,
        },
      );
      throw new DomainError('invalid', `${externalId} is a synthetic id of ${namespace}`, {
        subject,
        field: fieldOf(namespace),
        reason: 'synthetic',
      });
    },
  };
}
