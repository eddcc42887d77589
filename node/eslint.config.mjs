import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
    { ignores: ['node_modules/**', 'eslint.config.mjs'] },
    js.configs.recommended,
    ...tseslint.configs.strictTypeChecked,
    ...tseslint.configs.stylisticTypeChecked,
    {
        languageOptions: {
            parserOptions: {
                project: ['tsconfig.json', 'test/tsconfig.json'],
                tsconfigRootDir: fileURLToPath(new URL('.', import.meta.url)),
            },
        },
        rules: {
            '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
            '@typescript-eslint/no-unnecessary-type-parameters': 'off', // rows have the type that the caller says
            '@typescript-eslint/consistent-type-definitions': 'error',
            '@typescript-eslint/explicit-module-boundary-types': 'error',
        },
    },
);
