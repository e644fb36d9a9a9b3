[
  (expression_statement) (let_declaration) (empty_statement) (macro_definition) (attribute_item) (mod_item)
  (struct_item) (union_item) (enum_item) (const_item) (static_item) (type_item) (function_item)
  (function_signature_item) (impl_item) (trait_item) (use_declaration) (extern_crate_declaration)
  (match_arm) (else_clause) (field_declaration) (enum_variant)
] @statement
