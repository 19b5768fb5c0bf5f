"""What schemas are made of: types, models, filters, results, and how they are published and checked."""
